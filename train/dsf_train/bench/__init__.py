"""`dsf-bench`: declared grids of training runs, carried out, resumed, and made into tables and plots."""
