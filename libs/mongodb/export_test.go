package mongodb

// Explain is explain.
var Explain = explain
