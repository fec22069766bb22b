"""WER, DER, RTF: measured and reported."""
