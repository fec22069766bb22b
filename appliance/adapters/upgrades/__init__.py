"""The installed machine, as an upgrade handles it: releases in folders, bundles, packages, units, other releases."""
