"""Pack: a model's files, hashes, licence and fitness; which pack does which job."""
