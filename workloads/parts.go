package workloads

import (
	"fmt"
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
	argArea
	argSharedPart
	argByte
	argWord
	argBreak
	argProtBeside
	argProtOptions
	argNoProt
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
	argBindFlags
	argResource
	argAccess
	argValue
	argNode
	argMM
	argMMOrOwn
	argOtherMM
	argOther
	argFileTo
	argBarrier
	argAfter
	argCount
	argDuration
)

// part is one kind of arg: how the manual names it, how it is read and written, and how a [Generator] draws it.
type part struct {
	usage   string
	numbers []Word // it follows a size and may be written as a number: its words
	read    func(c *cursor, s *Stmt)
	write   func(s *Stmt) []string
	draw    func(g *Generator, s *Stmt) // nil: the part is left out, or was drawn with another
	bad     func(g *Generator, s *Stmt) // makes what was drawn wrong or extreme; nil: there is no such value
}

var parts = [...]part{
	argTarget: {usage: "[NAME | ADDR]",
		read: (*cursor).target,
		write: func(s *Stmt) []string {
			if s.Region == nil {
				return nil
			}
			return []string{s.Region.Name}
		},
		draw: (*Generator).span, bad: (*Generator).badTarget},
	argSize: {usage: "SIZE",
		read: func(c *cursor, s *Stmt) {
			if s.Size == nil {
				s.Size = c.expr()
			}
		},
		write: (*Stmt).sizeWords,
		bad:   (*Generator).badLength},
	argRest: {usage: "[SIZE]", read: (*cursor).rangeSize, write: (*Stmt).sizeWords, bad: (*Generator).badSize},
	argSpan: {usage: "[SIZE]", read: (*cursor).rangeSize, write: (*Stmt).sizeWords},
	argProt: {usage: "PROT", numbers: protWords,
		read:  (*cursor).prot,
		write: func(s *Stmt) []string { return []string{s.Prot.String()} },
		draw:  (*Generator).prot, bad: (*Generator).badProt},
	argNoProt: {usage: "PROT", numbers: protWords,
		read:  (*cursor).prot,
		write: func(s *Stmt) []string { return []string{s.Prot.String()} },
		bad:   (*Generator).prot},
	argProtBeside: {usage: "PROT", numbers: protWords,
		read:  (*cursor).prot,
		write: func(s *Stmt) []string { return []string{(s.Prot &^ growth).String()} },
		draw:  (*Generator).reprotect, bad: (*Generator).badProt},
	argProtOptions: {usage: "[OPTION...]",
		read: func(c *cursor, s *Stmt) {
			for c.peek().kind == tokName {
				s.Prot |= Prot(c.word("option", growWords).Value)
			}
		},
		write: func(s *Stmt) []string { return flagWords(growWords, int(s.Prot&growth)) },
		draw: func(g *Generator, s *Stmt) {
			if g.may(onStacks) && g.chance(15) {
				s.Prot |= linux.PROT_GROWSDOWN
			}
		},
		bad: func(g *Generator, s *Stmt) { s.Prot |= one(g, linux.PROT_GROWSDOWN, linux.PROT_GROWSUP, growth) }},
	argSharing: {usage: "private|shared",
		read:  func(c *cursor, s *Stmt) { s.Backing.Sharing = Sharing(c.wordOrNumber("kind of mapping", sharingWords)) },
		write: func(s *Stmt) []string { return []string{s.Backing.Sharing.String()} },
		draw:  (*Generator).sharing, bad: (*Generator).badSharing},
	argBacking: {usage: "anon|file F [+OFF]",
		read:  func(c *cursor, s *Stmt) { c.backing(&s.Backing) },
		write: func(s *Stmt) []string { return []string{s.Backing.source()} },
		draw:  (*Generator).backing, bad: (*Generator).badBacking},
	argMapOptions: {usage: "[at ADDR] [OPTION...]", read: (*cursor).mapOptions, write: (*Stmt).mapOptions,
		draw: (*Generator).mapOptions, bad: (*Generator).badMapOptions},
	argAddr:       address((*Generator).span, (*Generator).badRange),
	argArea:       address((*Generator).wholeArea, (*Generator).badRange),
	argSharedPart: address((*Generator).partOfShared, (*Generator).badRange),
	argByte:       address((*Generator).touched, (*Generator).badTouch),
	argWord:       address((*Generator).byteOf, (*Generator).badAccess),
	argBreak:      address((*Generator).breakAddr, (*Generator).badBreak),
	argPgoff: {usage: "pgoff N",
		read: func(c *cursor, s *Stmt) {
			c.expectWord(pageOffset)
			s.Value = c.expr()
		},
		write: func(s *Stmt) []string { return []string{pageOffset, s.Value.String()} },
		draw:  func(g *Generator, s *Stmt) { s.Value = Constant(g.Uint64N(8)) },
		bad:   func(g *Generator, s *Stmt) { s.Value = Constant(one[uint64](g, 1<<20, 1<<52-1, 1<<63, ^uint64(0))) }},
	argRemapOptions: options("[nonblock]", remapWords, []int{0, 0, linux.MAP_NONBLOCK}, nil),
	argPrctl: {usage: "SETTING N",
		read: func(c *cursor, s *Stmt) {
			s.Option = c.word("setting", prctlWords).Value
			s.Value = c.expr()
		},
		write: func(s *Stmt) []string { return []string{wordByValue(prctlWords, s.Option), s.Value.String()} },
		draw:  (*Generator).setting},
	argAdvice: {usage: "ADVICE", numbers: adviceWords,
		read:  func(c *cursor, s *Stmt) { s.Advice = c.wordOrNumber("advice", adviceWords) },
		write: func(s *Stmt) []string { return []string{wordOrNumber(adviceWords, s.Advice)} },
		draw:  (*Generator).advice,
		bad:   func(g *Generator, s *Stmt) { s.Advice = one(g, 7, 99, 1000) }},
	argNewSize: {usage: "to SIZE",
		read: func(c *cursor, s *Stmt) {
			c.expectWord("to")
			s.NewSize = c.expr()
		},
		write: func(s *Stmt) []string { return []string{"to", s.NewSize.String()} },
		draw:  (*Generator).newSize,
		bad:   func(g *Generator, s *Stmt) { s.NewSize = Constant(g.weird(s.Addr.Value)) }},
	argMoveOptions: {usage: "[at ADDR] [OPTION...] [as NAME]", read: (*cursor).moveOptions, write: (*Stmt).moveOptions,
		draw: (*Generator).moveOptions, bad: (*Generator).badMoveOptions},
	argHeap: {usage: "NAME SIZE at ADDR",
		read: func(c *cursor, s *Stmt) {
			r := c.newName(regionName)
			s.Region, s.Size = &r, c.expr()
			c.expectWord("at")
			s.Addr = c.expr()
		},
		write: func(s *Stmt) []string { return []string{s.Region.Name, s.Size.String(), "at", s.Addr.String()} }},
	argLockOptions: options("[onfault]", lockWords, []int{0, 0, 0, linux.MLOCK_ONFAULT}, []int{0x10, 0x100}),
	argLockAll: options("OPTION...", lockAllWords, []int{linux.MCL_CURRENT, linux.MCL_FUTURE, linux.MCL_CURRENT | linux.MCL_FUTURE, linux.MCL_FUTURE | linux.MCL_ONFAULT},
		[]int{linux.MCL_ONFAULT, 0x10}),
	argSyncOptions: options("[OPTION...]", syncWords, []int{linux.MS_ASYNC, linux.MS_SYNC, linux.MS_INVALIDATE, linux.MS_SYNC | linux.MS_INVALIDATE},
		[]int{linux.MS_ASYNC | linux.MS_SYNC, 0x10, 0x100}),
	argRawFlags:  options("[flags N]", nil, nil, []int{1, 0x10, 0x100}),
	argBindFlags: options("[flags N]", nil, []int{0, 0, 1, 2}, []int{0x10, 0x100}),
	argResource:  {usage: "RESOURCE SIZE|unlimited", read: (*cursor).resource, write: (*Stmt).resource, draw: (*Generator).resource},
	argAccess: {usage: "read|write|exec",
		read:  func(c *cursor, s *Stmt) { s.Access = linux.Access(c.word("access", accessWords).Value) },
		write: func(s *Stmt) []string { return []string{wordByValue(accessWords, s.Access)} },
		draw:  (*Generator).access},
	argValue: {usage: "VALUE",
		read:  func(c *cursor, s *Stmt) { s.Value = c.expr() },
		write: func(s *Stmt) []string { return optional(s.Value) },
		draw:  (*Generator).word},
	argNode: {usage: "NODE",
		read:  func(c *cursor, s *Stmt) { s.Value = c.expr() },
		write: func(s *Stmt) []string { return optional(s.Value) },
		draw:  func(g *Generator, s *Stmt) { s.Value = Constant(one[uint64](g, 0, 1, 1)) }},
	argMM:      {usage: "MM", read: (*cursor).addressSpace, write: (*Stmt).addressSpace, draw: (*Generator).newMM},
	argOtherMM: {usage: "MM", read: (*cursor).addressSpace, write: (*Stmt).addressSpace, draw: (*Generator).oldMM},
	argOther: {usage: "and ADDR",
		read: func(c *cursor, s *Stmt) {
			c.expectWord("and")
			s.To = c.expr()
		},
		write: func(s *Stmt) []string { return []string{"and", s.To.String()} },
		draw: func(g *Generator, s *Stmt) {
			first := s.Addr
			g.byteOf(s)
			s.Addr, s.To = first, s.Addr
		}},
	argFileTo: {usage: "F to ADDR",
		read: func(c *cursor, s *Stmt) {
			r := c.name("file")
			s.Backing.File = &r
			c.expectWord("to")
			s.Addr = c.expr()
		},
		write: func(s *Stmt) []string { return []string{s.Backing.File.Name, "to", s.Addr.String()} },
		draw: func(g *Generator, s *Stmt) {
			if g.none = len(g.mappable) == 0; !g.none {
				g.byteOf(s)
				s.Backing.File = one(g, g.mappable...)
			}
		}},
	argMMOrOwn: {usage: "[MM]",
		read: func(c *cursor, s *Stmt) {
			if c.peek().kind == tokName {
				c.addressSpace(s)
			}
		},
		write: (*Stmt).addressSpace,
		draw:  (*Generator).oldMM},
	argBarrier: {usage: "NAME",
		read: func(c *cursor, s *Stmt) {
			r := c.newName("barrier")
			s.Barrier = &r
		},
		write: func(s *Stmt) []string { return []string{s.Barrier.Name} }},
	argAfter: {usage: "THREAD.N",
		read:  func(c *cursor, s *Stmt) { s.After = c.numbered("THREAD.N") },
		write: func(s *Stmt) []string { return []string{fmt.Sprintf("%s.%d", s.After.Thread.Name, s.After.Stmt)} }},
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

// address is the part for an address, of which there are several kinds.
func address(draw, bad func(g *Generator, s *Stmt)) part {
	return part{usage: "ADDR",
		read:  func(c *cursor, s *Stmt) { s.Addr = c.expr() },
		write: func(s *Stmt) []string { return optional(s.Addr) },
		draw:  draw, bad: bad}
}

// options is the part for a call's options, each a flag. drawn and bad are the flags that are drawn; nil: none.
func options(usage string, words []Word, drawn, bad []int) part {
	p := part{usage: usage,
		read:  func(c *cursor, s *Stmt) { c.flags(s, words) },
		write: func(s *Stmt) []string { return flagWords(words, s.Flags) }}
	if drawn != nil {
		p.draw = func(g *Generator, s *Stmt) { s.Flags = one(g, drawn...) }
	}
	if bad != nil {
		p.bad = func(g *Generator, s *Stmt) { s.Flags = one(g, bad...) }
	}
	return p
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
