# Varnish before Bonded, purged by surrogate key: setting `purge.engine = "varnish-xkey"`.
#
# Needs Varnish 7 and its module xkey (Debian: varnish, varnish-modules). Put this file and bonded-caching.vcl into
# /etc/varnish/, change what is marked CHANGE in both, and start varnishd with -f /etc/varnish/bonded-xkey.vcl.
vcl 4.1;

import xkey;

# CHANGE: the machines whose workers purge. A purge that came through a proxy is refused, whoever the proxy is.
acl bonded_purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "PURGE") {
        if (client.ip !~ bonded_purgers || req.http.X-Forwarded-For != "" + client.ip) {
            return (synth(405, "Not allowed"));
        }
        if (req.http.xkey-purge) {
            set req.http.X-Bonded-Purged = xkey.purge(req.http.xkey-purge);
        } elsif (req.http.xkey-softpurge) {
            set req.http.X-Bonded-Purged = xkey.softpurge(req.http.xkey-softpurge);
        } else {
            return (synth(400, "No keys"));
        }
        return (synth(200, "Purged " + req.http.X-Bonded-Purged));
    }
}

sub vcl_backend_response {
    # xkey keeps its index by this header.
    set beresp.http.xkey = beresp.http.Surrogate-Key;
}

include "./bonded-caching.vcl";
