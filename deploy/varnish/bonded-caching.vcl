# What bonded-xkey.vcl and bonded-ban.vcl share: what is kept, for how long, and what happens while the origin is down.
#
# The headers of the origin decide. Kept beyond them is only what they allow: project pages, while they are fetched anew and
# while the origin is down. The pointer of TUF and files are never given out after their time.

import std;

# CHANGE: the origin, `bonded serve` or nginx with deploy/nginx. With several, use a director.
backend bonded {
    .host = "127.0.0.1";
    .port = "8000";
    .connect_timeout = 2s;
    .first_byte_timeout = 60s;
    .between_bytes_timeout = 60s;
}

# CHANGE: what ends TLS before Varnish. What it says of scheme and host is passed on; what anybody else says is dropped, because
# the index believes Varnish (its setting trusted_proxies). Varnish itself writes X-Forwarded-For.
acl bonded_tls {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.restarts == 0 && client.ip !~ bonded_tls) {
        unset req.http.X-Forwarded-Proto;
        unset req.http.X-Forwarded-Host;
        unset req.http.X-Request-Id;
    }
    # For the machine itself, not for the world; however the address is written.
    if (req.url ~ "(?i)^(?:https?://[^/?#]*)?/metrics(?:[?#]|$)") {
        return (synth(404));
    }
    if (req.restarts == 0) {
        unset req.http.X-Bonded-Static;
        unset req.http.X-Bonded-Late;
        unset req.http.X-Bonded-Failed;
    }
    if (req.http.X-Bonded-Late && !req.http.X-Bonded-Failed) {
        # What is kept is too old to be given out while it is fetched anew: wait for the fetch.
        set req.grace = 0s;
    } else {
        set req.grace = 24h;
    }
    if (req.url ~ "^/(?:simple|packages|metadata|publications|pypi)(?:/|$|\?)") {
        set req.http.X-Bonded-Static = "yes";
        # The public store knows no cookies and, but for the form of a page, no queries.
        if (!req.http.Authorization) {
            unset req.http.Cookie;
        }
        if (req.url !~ "^/simple/.*\?(?:.*&)?format=") {
            set req.url = regsub(req.url, "\?.*$", "");
        }
        # What pip and uv send, written in one way, so that one copy serves them all. The rest is weighed by the origin.
        if (req.url ~ "^/simple/(?:[^/]+/)?$") {
            if (req.http.Accept ~ "^application/vnd\.pypi\.simple\.(?:v1|latest)\+json\s*(?:,\s*[A-Za-z0-9./+*-]+\s*;\s*q=0(?:\.[0-9]+)?\s*)*$") {
                set req.http.Accept = "application/vnd.pypi.simple.v1+json";
            } elsif (!req.http.Accept || req.http.Accept == "*/*" || req.http.Accept ~ "^text/html\s*(?:,|$)") {
                set req.http.Accept = "text/html";
            }
        }
    }
}

sub vcl_hash {
    # The public store is the same under every host name.
    if (req.http.X-Bonded-Static) {
        hash_data(req.url);
        return (lookup);
    }
}

sub vcl_hit {
    # A page is kept for as long as stale-if-error allows. Without a failure it is given out only within
    # stale-while-revalidate.
    if (obj.ttl < 0s && !req.http.X-Bonded-Late && !req.http.X-Bonded-Failed
        && obj.ttl + std.duration(obj.http.X-Bonded-While, 0s) < 0s) {
        set req.http.X-Bonded-Late = "yes";
        return (restart);
    }
}

sub vcl_backend_fetch {
    if (bereq.method == "POST") {
        set bereq.first_byte_timeout = 3600s;
    }
}

sub vcl_backend_response {
    # No conditional requests at the origin, nothing beyond its time unless the headers say so.
    set beresp.keep = 0s;
    set beresp.grace = 0s;
    if (beresp.status >= 500) {
        if (bereq.is_bgfetch) {
            return (abandon);
        }
        if (bereq.http.X-Bonded-Static && !bereq.uncacheable) {
            # As an error it does not take the place of the page that is kept.
            return (error(503, "Service Unavailable"));
        }
        set beresp.uncacheable = true;
        set beresp.ttl = 0s;
        return (deliver);
    }
    unset beresp.http.X-Bonded-While;
    if (beresp.http.Cache-Control ~ "stale-while-revalidate=[0-9]") {
        set beresp.http.X-Bonded-While = regsub(beresp.http.Cache-Control, "^.*stale-while-revalidate=([0-9]+).*$", "\1s");
        set beresp.grace = std.duration(beresp.http.X-Bonded-While, 0s);
    }
    if (beresp.http.Cache-Control ~ "stale-if-error=[0-9]") {
        set beresp.grace = std.duration(regsub(beresp.http.Cache-Control, "^.*stale-if-error=([0-9]+).*$", "\1s"), 0s);
    }
    # For caches that are purged, as this one is.
    if (beresp.http.Surrogate-Control ~ "max-age=[0-9]" && beresp.http.Cache-Control !~ "(?i)no-store|private") {
        set beresp.ttl = std.duration(regsub(beresp.http.Surrogate-Control, "^.*max-age=([0-9]+).*$", "\1s"), beresp.ttl);
    }
    unset beresp.http.Surrogate-Control;
    # Not even a mark that it is not kept outlives the moment: the next may be there.
    if (beresp.http.Cache-Control ~ "(?i)no-store|private") {
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
        return (deliver);
    }
}

sub vcl_backend_error {
    if (bereq.is_bgfetch) {
        return (abandon);
    }
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Retry-After = "5";
    set beresp.http.Content-Type = "text/plain; charset=utf-8";
    set beresp.body = "The index does not answer now; try again" + {"
"};
    return (deliver);
}

sub vcl_deliver {
    # The origin failed: once more, and now an older page will do where one is kept.
    if (resp.status >= 500 && !req.http.X-Bonded-Failed && req.http.X-Bonded-Static && (req.method == "GET" || req.method == "HEAD")
        && !req.http.Authorization) {
        set req.http.X-Bonded-Failed = "yes";
        return (restart);
    }
    unset resp.http.Surrogate-Key;
    unset resp.http.xkey;
    unset resp.http.X-Bonded-While;
    unset resp.http.Via;
}
