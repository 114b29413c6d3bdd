"""The page's charts, as Vega-Lite specifications: each is a function of a part of the document."""
