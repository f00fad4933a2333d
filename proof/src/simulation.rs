//! The real gateway and the real SDK in one thread, with every fault, from a seed.
