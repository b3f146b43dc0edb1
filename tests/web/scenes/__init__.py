"""Every page in each of its states, as browsers get it: one table for all tests that look at pages.

`world` builds two indexes, one full and one with nothing in it; `public`, `account`, `manage` and `admin` are the table; `shots`
takes each scene once in a language and keeps the bytes; `stage` shows them in a browser.
"""
