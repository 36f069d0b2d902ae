"""The extraction loop: items in, results out, at the pace that the endpoint takes."""
