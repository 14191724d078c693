package rules

// moveRules has the rules of the family move.
var moveRules = rows{}
