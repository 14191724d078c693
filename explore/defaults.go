package explore

// Defaults returns what [Options] mean that do not say otherwise: the strategy, the limit on steps, and, for strategies
// that never finish, the executions and the depth of PCT.
func Defaults() Options {
	return Options{Strategy: DPOR, Depth: DefaultDepth, Executions: defaultDraws, PCTDepth: defaultPCTDepth}
}

// GCPercent is what programs that search give runtime/debug.SetGCPercent. It lets garbage grow to some 40 MB before it is collected: a search lives on
// very little memory and makes some kilobytes of garbage in each execution, and while a collection goes on every announced event costs more.
const GCPercent = 1000
