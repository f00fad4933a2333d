//! Measures Callboard against what it is made of.
