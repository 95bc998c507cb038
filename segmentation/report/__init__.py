"""One study on one page: what was found, where, by whom, and how it compares with before."""
