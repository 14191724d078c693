package explore

// Defaults returns what [Options] mean that do not say otherwise: the strategy, the limit on steps, and, for strategies
// that never finish, the executions and the depth of PCT.
func Defaults() Options {
	return Options{Strategy: DPOR, Depth: DefaultDepth, Executions: defaultDraws, PCTDepth: defaultPCTDepth}
}
