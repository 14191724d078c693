package workloads

import (
	"strconv"

	"vmasim/internal/linux"
)

// arg is a part of a statement; [parts] describes each.
type arg uint8

const (
	argTarget arg = iota
	argSize
	argRest
	argSpan
	argProt
	argSharing
	argBacking
	argMapOptions
	argAddr
	argProtBeside
	argProtOptions
	argPgoff
	argRemapOptions
	argPrctl
	argAdvice
	argNewSize
	argMoveOptions
	argHeap
	argLockOptions
	argLockAll
	argSyncOptions
	argRawFlags
	argResource
	argAccess
	argValue
	argMM
	argMMOrOwn
	argBarrier
	argCount
	argDuration
)

// part is one kind of arg: how the manual names it, how it is read, and how it is written.
type part struct {
	usage   string
	numbers []Word // it follows a size and may be written as a number: its words
	read    func(c *cursor, s *Stmt)
	write   func(s *Stmt) []string
}

var parts = [...]part{
	argTarget: {usage: "[NAME | ADDR]",
		read: (*cursor).target,
		write: func(s *Stmt) []string {
			if s.Region == nil {
				return nil
			}
			return []string{s.Region.Name}
		}},
	argSize: {usage: "SIZE",
		read: func(c *cursor, s *Stmt) {
			if s.Size == nil {
				s.Size = c.expr()
			}
		},
		write: (*Stmt).sizeWords},
	argRest: {usage: "[SIZE]", read: (*cursor).rangeSize, write: (*Stmt).sizeWords},
	argSpan: {usage: "[SIZE]", read: (*cursor).rangeSize, write: (*Stmt).sizeWords},
	argProt: {usage: "PROT", numbers: protWords,
		read:  (*cursor).prot,
		write: func(s *Stmt) []string { return []string{s.Prot.String()} }},
	argProtBeside: {usage: "PROT", numbers: protWords,
		read:  (*cursor).prot,
		write: func(s *Stmt) []string { return []string{(s.Prot &^ growth).String()} }},
	argProtOptions: {usage: "[OPTION...]",
		read: func(c *cursor, s *Stmt) {
			for c.peek().kind == tokName {
				s.Prot |= Prot(c.word("option", growWords).Value)
			}
		},
		write: func(s *Stmt) []string { return flagWords(growWords, int(s.Prot&growth)) }},
	argSharing: {usage: "private|shared",
		read:  func(c *cursor, s *Stmt) { s.Backing.Sharing = Sharing(c.wordOrNumber("kind of mapping", sharingWords)) },
		write: func(s *Stmt) []string { return []string{s.Backing.Sharing.String()} }},
	argBacking: {usage: "anon|file F [+OFF]",
		read:  func(c *cursor, s *Stmt) { c.backing(&s.Backing) },
		write: func(s *Stmt) []string { return []string{s.Backing.source()} }},
	argMapOptions: {usage: "[at ADDR] [OPTION...]", read: (*cursor).mapOptions, write: (*Stmt).mapOptions},
	argAddr: {usage: "ADDR",
		read:  func(c *cursor, s *Stmt) { s.Addr = c.expr() },
		write: func(s *Stmt) []string { return optional(s.Addr) }},
	argPgoff: {usage: "pgoff N",
		read: func(c *cursor, s *Stmt) {
			c.expectWord(pageOffset)
			s.Value = c.expr()
		},
		write: func(s *Stmt) []string { return []string{pageOffset, s.Value.String()} }},
	argRemapOptions: options("[nonblock]", remapWords),
	argPrctl: {usage: "SETTING N",
		read: func(c *cursor, s *Stmt) {
			s.Option = c.word("setting", prctlWords).Value
			s.Value = c.expr()
		},
		write: func(s *Stmt) []string { return []string{wordByValue(prctlWords, s.Option), s.Value.String()} }},
	argAdvice: {usage: "ADVICE", numbers: adviceWords,
		read:  func(c *cursor, s *Stmt) { s.Advice = c.wordOrNumber("advice", adviceWords) },
		write: func(s *Stmt) []string { return []string{wordOrNumber(adviceWords, s.Advice)} }},
	argNewSize: {usage: "to SIZE",
		read: func(c *cursor, s *Stmt) {
			c.expectWord("to")
			s.NewSize = c.expr()
		},
		write: func(s *Stmt) []string { return []string{"to", s.NewSize.String()} }},
	argMoveOptions: {usage: "[at ADDR] [OPTION...] [as NAME]", read: (*cursor).moveOptions, write: (*Stmt).moveOptions},
	argHeap: {usage: "NAME SIZE at ADDR",
		read: func(c *cursor, s *Stmt) {
			r := c.newName(regionName)
			s.Region, s.Size = &r, c.expr()
			c.expectWord("at")
			s.Addr = c.expr()
		},
		write: func(s *Stmt) []string { return []string{s.Region.Name, s.Size.String(), "at", s.Addr.String()} }},
	argLockOptions: options("[onfault]", lockWords),
	argLockAll:     options("OPTION...", lockAllWords),
	argSyncOptions: options("[OPTION...]", syncWords),
	argRawFlags:    options("[flags N]", nil),
	argResource:    {usage: "RESOURCE SIZE|unlimited", read: (*cursor).resource, write: (*Stmt).resource},
	argAccess: {usage: "read|write|exec",
		read:  func(c *cursor, s *Stmt) { s.Access = linux.Access(c.word("access", accessWords).Value) },
		write: func(s *Stmt) []string { return []string{wordByValue(accessWords, s.Access)} }},
	argValue: {usage: "VALUE",
		read:  func(c *cursor, s *Stmt) { s.Value = c.expr() },
		write: func(s *Stmt) []string { return optional(s.Value) }},
	argMM: {usage: "MM", read: (*cursor).addressSpace, write: (*Stmt).addressSpace},
	argMMOrOwn: {usage: "[MM]",
		read: func(c *cursor, s *Stmt) {
			if c.peek().kind == tokName {
				c.addressSpace(s)
			}
		},
		write: (*Stmt).addressSpace},
	argBarrier: {usage: "NAME",
		read: func(c *cursor, s *Stmt) {
			r := c.newName("barrier")
			s.Barrier = &r
		},
		write: func(s *Stmt) []string { return []string{s.Barrier.Name} }},
	argCount: {usage: "N",
		read: func(c *cursor, s *Stmt) {
			pos := c.pos()
			if s.Count = c.count("a count of 1 or more"); s.Count == 0 {
				c.fail(pos, "%v 0 does nothing, expected a count of 1 or more", s.Kind)
			}
		},
		write: func(s *Stmt) []string { return []string{strconv.FormatUint(s.Count, 10)} }},
	argDuration: {usage: "DURATION",
		read:  func(c *cursor, s *Stmt) { s.Duration = c.duration() },
		write: func(s *Stmt) []string { return []string{formatDuration(s.Duration)} }},
}

// options is the part for a call's options, each a flag.
func options(usage string, words []Word) part {
	return part{usage: usage,
		read:  func(c *cursor, s *Stmt) { c.flags(s, words) },
		write: func(s *Stmt) []string { return flagWords(words, s.Flags) }}
}

func (c *cursor) prot(s *Stmt) { s.Prot = Prot(c.wordOrNumber("protection", protWords)) }

// rangeSize reads the size of a range, which may be left out.
func (c *cursor) rangeSize(s *Stmt) {
	if !c.sizeLeftOut() {
		s.Size = c.expr()
	}
}

func (s *Stmt) sizeWords() []string { return optional(s.Size) }

func (c *cursor) resource(s *Stmt) {
	s.Limit = c.word("resource", resourceWords).Value
	if !c.acceptWord(unlimited) {
		s.Size = c.expr()
	}
}

func (s *Stmt) resource() []string {
	if s.Size == nil {
		return []string{wordByValue(resourceWords, s.Limit), unlimited}
	}
	return []string{wordByValue(resourceWords, s.Limit), s.Size.String()}
}

func (c *cursor) addressSpace(s *Stmt) {
	r := c.name("address space")
	s.MM = &r
}

func (s *Stmt) addressSpace() []string {
	if s.MM == nil {
		return nil
	}
	return []string{s.MM.Name}
}
