//! Nothing: the module is built as a dependency.
