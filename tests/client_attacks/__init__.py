"""Every attack of PEP 458, appendix A, by a hostile mirror, against each way of installing."""
