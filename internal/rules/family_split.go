package rules

// splitRules has the rules of the family split.
var splitRules = rows{}
