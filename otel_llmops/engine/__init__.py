"""Journal to answers: decode, analyse, export."""
