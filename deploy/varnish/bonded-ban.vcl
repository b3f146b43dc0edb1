# Varnish before Bonded, purged by bans: setting `purge.engine = "varnish-ban"`. Needs no module beyond Varnish's own.
#
# Needs Varnish 7 (Debian: varnish). Put this file and bonded-caching.vcl into /etc/varnish/, change what is marked CHANGE in
# both, and start varnishd with -f /etc/varnish/bonded-ban.vcl.
vcl 4.1;

import std;

# CHANGE: the machines whose workers purge. A purge that came through a proxy is refused, whoever the proxy is.
acl bonded_purgers {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "BAN") {
        if (client.ip !~ bonded_purgers || req.http.X-Forwarded-For != "" + client.ip) {
            return (synth(405, "Not allowed"));
        }
        # Nothing but a test of the surrogate keys can be asked for: the value holds no space, so no second condition.
        if (req.http.X-Bonded-Ban !~ "^[^[:space:]]+$") {
            return (synth(400, "No keys"));
        }
        # Only what objects carry themselves is tested, so that the ban lurker clears up in the background.
        if (std.ban("obj.http.Surrogate-Key ~ " + req.http.X-Bonded-Ban)) {
            return (synth(200, "Purged"));
        }
        return (synth(400, "Bad ban: " + std.ban_error()));
    }
}

include "./bonded-caching.vcl";
