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

sub vcl_recv {
    if (req.restarts == 0) {
        unset req.http.X-Bonded-Static;
        unset req.http.X-Bonded-Failed;
    }
    # How long a page may be given out while it is fetched anew: `tuf.page_ttl`. CHANGE with it.
    set req.grace = 10s;
    if (req.http.X-Bonded-Failed) {
        # The origin has just failed this request: now for as long as the page itself allows (stale-if-error).
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
        set beresp.uncacheable = true;
        set beresp.ttl = 0s;
        return (deliver);
    }
    if (beresp.http.Cache-Control ~ "stale-if-error=[0-9]") {
        set beresp.grace = std.duration(regsub(beresp.http.Cache-Control, "^.*stale-if-error=([0-9]+).*$", "\1s"), 0s);
    } elsif (beresp.http.Cache-Control ~ "stale-while-revalidate=[0-9]") {
        set beresp.grace = std.duration(regsub(beresp.http.Cache-Control, "^.*stale-while-revalidate=([0-9]+).*$", "\1s"), 0s);
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
    if (resp.status >= 500 && req.restarts == 0 && req.http.X-Bonded-Static && (req.method == "GET" || req.method == "HEAD")
        && !req.http.Authorization) {
        set req.http.X-Bonded-Failed = "yes";
        return (restart);
    }
    unset resp.http.Surrogate-Key;
    unset resp.http.xkey;
    unset resp.http.Via;
}
