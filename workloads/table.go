package workloads

import "strings"

// Kind says what a statement or declaration is; specs describes each.
type Kind uint8

const (
	KindRules Kind = iota
	KindSeed
	KindMemory
	KindMM
	KindFile
	KindLimit
	KindMachine
	KindWindow
	KindMay
	KindMemoryModel
	KindShow
	KindSchedule
	KindInit
	KindThread
	KindFinally
	KindNever
	KindExists
	KindAlways
	KindVerdict

	KindMmap
	KindMunmap
	KindMprotect
	KindRemapFilePages
	KindMadvise
	KindMremap
	KindHeap
	KindBrk
	KindMlock
	KindMunlock
	KindMlockall
	KindMunlockall
	KindMseal
	KindMsync
	KindMincore
	KindSetrlimit
	KindPrctl
	KindTouch
	KindStore
	KindLoad
	KindPeek
	KindPoke
	KindLock
	KindWalk
	KindPtdump
	KindCollapse
	KindSmapsRollup
	KindDamonVMAs
	KindTaskVMAs
	KindEachVMA
	KindReadMaps
	KindDriverPages
	KindLockBoth
	KindFindVMAOf
	KindSwapoff
	KindKSM
	KindUprobe
	KindMbind
	KindPRead
	KindBuildID
	KindUffdRegister
	KindUffdRelease
	KindFork
	KindExit
	KindSessions
	KindBarrier
	KindAfter
	KindYield
	KindValidate
	KindMaps

	KindRepeat
	KindFor
	KindForever
	KindChoose
	KindIn

	NumKinds = iota
)

// Spec describes the kind.
func (k Kind) Spec() *Spec { return &specs[k] }

// String is the kind's keyword.
func (k Kind) String() string { return specs[k].Name }

// Results says what may come of a statement.
type Results uint8

const (
	GivesErrno   Results = 1 << iota // ok or an errno
	GivesSignal                      // SEGV or SIGBUS
	GivesValue                       // a number: the word read, the address mapped
	GivesAddress                     // the value is an address
)

// Body says what stands indented below a statement.
type Body uint8

const (
	NoBody      Body = iota
	BodyBlock        // statements, one after the other
	BodyChoices      // statements, of which one is drawn
	BodyPicture      // lines of a maps picture
)

// Place is a set of blocks a statement may stand in.
type Place uint8

const (
	InTop Place = 1 << iota
	InInit
	InThread
	InFinally

	inAny = InInit | InThread | InFinally
)

// Spec describes one kind of statement or declaration. The parser, its
// suggestions and the manual's tables all read it here.
type Spec struct {
	Kind    Kind
	Name    string
	Help    string // one line
	Example string
	In      Place
	Results Results // none: the statement takes no "=>"
	Body    Body

	args  []arg
	shape string // how a declaration continues; statements have args

	weight int     // how often a [Generator] draws the statement; 0: never
	needs  feature // which generators do; 0: each
	wants  scenery // beside what it is drawn in a program
}

// scenery is what a draft has to have for a statement to do something in it.
type scenery uint8

const (
	aFile    scenery = 1 << iota // that is mapped
	hugeFile                     // that is mapped by whole page tables
	hooked                       // a file whose owner has hooks
	otherMM                      // an address space that was not forked
)

// OnSimulator reports whether no kernel makes a call that does what the statement does.
func (k Kind) OnSimulator() bool { return specs[k].needs == onSimulator }

// Usage is the statement's form, as "munmap ADDR [SIZE] [=> RESULT]".
func (s *Spec) Usage() string {
	words := []string{s.Name}
	if s.shape != "" {
		words = append(words, s.shape)
	}
	for _, a := range s.args {
		words = append(words, parts[a].usage)
	}
	if s.Results != 0 {
		words = append(words, "[=> RESULT]")
	}
	return strings.Join(words, " ")
}

var specs = [...]Spec{
	KindRules: {Kind: KindRules, Name: "rules", In: InTop, shape: "GENERATION[,+RULE][,-RULE]",
		Help: "the lock generation, and the rules switched on or off", Example: "rules linux-6.18,-detach-waits"},
	KindSeed: {Kind: KindSeed, Name: "seed", In: InTop, shape: "N",
		Help: "the seed of every random draw", Example: "seed 42"},
	KindMemory: {Kind: KindMemory, Name: "memory", In: InTop, shape: "SIZE",
		Help: "the memory of the machine", Example: "memory 64M"},
	KindMM: {Kind: KindMM, Name: "mm", In: InTop, shape: "NAME...",
		Help: "more address spaces beside main", Example: "mm child"},
	KindFile: {Kind: KindFile, Name: "file", In: InTop, shape: "NAME path \"PATH\" [ro|wo|rw] | temp|memory SIZE [pattern] [sealed] [hooks] [disk] | zero [ro|wo|rw] | pipe | closed | again FILE [ro|wo|rw]",
		Help: "a real file to map, a temporary one, or what is none", Example: "file F temp 1M pattern"},
	KindLimit: {Kind: KindLimit, Name: "limit", In: InTop, shape: "LIMIT N",
		Help: "a limit of the kernel", Example: "limit max_map_count 100"},
	KindMachine: {Kind: KindMachine, Name: "machine", In: InTop, shape: "SETTING VALUE",
		Help: "a setting of the kernel that changes what user space sees", Example: "machine zero-page off"},
	KindWindow: {Kind: KindWindow, Name: "window", In: InTop, shape: "SIZE [at ADDR]",
		Help: "a part of the address space, beside which everything is taken", Example: "window 256K at 0x200000000000"},
	KindMay: {Kind: KindMay, Name: "may", In: InTop, shape: "CHOICE[, CHOICE...]",
		Help: "explore: what may go either way, beside the order of steps", Example: "may alloc-fails"},
	KindMemoryModel: {Kind: KindMemoryModel, Name: "memory-model", In: InTop, shape: "MODEL",
		Help: "explore: what loads may see: sc, views or tso; see docs/memory-model.md", Example: "memory-model views"},
	KindShow: {Kind: KindShow, Name: "show", In: InTop, shape: "ORACLE[, ORACLE...]",
		Help: "explore: go on behind all others to one of these", Example: "show detached-in-tree"},
	KindSchedule: {Kind: KindSchedule, Name: "schedule", In: InTop, shape: "v2:...",
		Help: "replay, step: the interleaving that they run", Example: "schedule v2:2e2204b5:52d60568:A8 B20 A4 B1 A1"},
	KindInit: {Kind: KindInit, Name: "init", In: InTop, Body: BodyBlock,
		Help: "what one task does before the threads start", Example: "init"},
	KindThread: {Kind: KindThread, Name: "thread", In: InTop, Body: BodyBlock, shape: "NAME [in MM] [* N] [background]",
		Help: "what N tasks do at the same time as all other threads", Example: "thread faulter * 4"},
	KindFinally: {Kind: KindFinally, Name: "finally", In: InTop, Body: BodyBlock,
		Help: "what one task does when all threads have ended", Example: "finally"},
	KindNever: {Kind: KindNever, Name: "never", In: InTop, shape: "ORACLE[, ORACLE...]",
		Help: "explore: no interleaving may violate these", Example: "never use-after-free, wrong-vma"},
	KindExists: {Kind: KindExists, Name: "exists", In: InTop, shape: "THREAD.N = RESULT [and ...]",
		Help: "explore: some interleaving gives these results", Example: "exists reader.1 = SEGV"},
	KindAlways: {Kind: KindAlways, Name: "always", In: InTop, shape: "THREAD.N = RESULT [and ...]",
		Help: "explore: every interleaving gives these results", Example: "always writer.1 = ok"},

	KindVerdict: {Kind: KindVerdict, Name: "verdict", In: InTop, shape: "RULES verified | violation ORACLE[, ORACLE...]",
		Help: "explore: what comes of it under these rules", Example: "verdict refcount-v6 violation lock-left-held"},

	KindMmap: {Kind: KindMmap, Name: "mmap", In: inAny, Results: GivesErrno | GivesValue | GivesAddress,
		args: []arg{argTarget, argSize, argProt, argSharing, argBacking, argMapOptions}, weight: 24,
		Help: "map memory or a file, and name the region", Example: "mmap A 64K rw private anon"},
	KindMunmap: {Kind: KindMunmap, Name: "munmap", In: inAny, Results: GivesErrno,
		args: []arg{argAddr, argRest}, weight: 7,
		Help: "unmap a range, or a whole region", Example: "munmap A+16K 16K"},
	KindMprotect: {Kind: KindMprotect, Name: "mprotect", In: inAny, Results: GivesErrno,
		args: []arg{argAddr, argRest, argProtBeside, argProtOptions}, weight: 14,
		Help: "change the protection of a range, or of a whole region", Example: "mprotect A+16K 16K r"},
	KindRemapFilePages: {Kind: KindRemapFilePages, Name: "remap_file_pages", In: inAny, Results: GivesErrno,
		args: []arg{argSharedPart, argRest, argNoProt, argPgoff, argRemapOptions}, weight: 2, needs: onFiles, wants: aFile,
		Help: "let a part of a shared mapping show other pages of its file", Example: "remap_file_pages A 8K none pgoff 3"},
	KindMadvise: {Kind: KindMadvise, Name: "madvise", In: inAny, Results: GivesErrno,
		args: []arg{argAddr, argRest, argAdvice}, weight: 13,
		Help: "advise on a range, or on a whole region", Example: "madvise A dontneed"},
	KindMremap: {Kind: KindMremap, Name: "mremap", In: inAny, Results: GivesErrno | GivesValue | GivesAddress,
		args: []arg{argArea, argSize, argNewSize, argMoveOptions}, weight: 12, needs: onMoves,
		Help: "give a mapping another size or another place", Example: "mremap A 64K to 128K maymove as B"},
	KindHeap: {Kind: KindHeap, Name: "heap", In: InInit,
		args: []arg{argHeap},
		Help: "let the heap of brk start at ADDR, and name the range behind it", Example: "heap H 1M at A.end+1M"},
	KindBrk: {Kind: KindBrk, Name: "brk", In: inAny, Results: GivesErrno | GivesValue | GivesAddress,
		args: []arg{argBreak}, weight: 5, needs: onHeap,
		Help: "move the end of the heap", Example: "brk H+64K => H+64K"},
	KindMlock: {Kind: KindMlock, Name: "mlock", In: inAny, Results: GivesErrno,
		args: []arg{argAddr, argRest, argLockOptions}, weight: 5, needs: onLocks,
		Help: "lock a range in memory, or a whole region", Example: "mlock A 16K"},
	KindMunlock: {Kind: KindMunlock, Name: "munlock", In: inAny, Results: GivesErrno,
		args: []arg{argAddr, argRest}, weight: 2, needs: onLocks,
		Help: "let a range go again, or a whole region", Example: "munlock A 16K"},
	KindMlockall: {Kind: KindMlockall, Name: "mlockall", In: inAny, Results: GivesErrno,
		args: []arg{argLockAll}, weight: 1, needs: onLocks,
		Help: "lock all that is mapped, or will be", Example: "mlockall current future"},
	KindMunlockall: {Kind: KindMunlockall, Name: "munlockall", In: inAny, Results: GivesErrno, weight: 1, needs: onLocks,
		Help: "let all go again", Example: "munlockall"},
	KindMseal: {Kind: KindMseal, Name: "mseal", In: inAny, Results: GivesErrno,
		args: []arg{argAddr, argRest, argRawFlags}, weight: 2, needs: onSeals,
		Help: "forbid to change the mappings of a range, or of a whole region", Example: "mseal A 16K"},
	KindMsync: {Kind: KindMsync, Name: "msync", In: inAny, Results: GivesErrno,
		args: []arg{argAddr, argRest, argSyncOptions}, weight: 1,
		Help: "write what was stored to a range back to its file", Example: "msync A sync"},
	KindMincore: {Kind: KindMincore, Name: "mincore", In: inAny, Results: GivesErrno | GivesValue,
		args: []arg{argAddr, argRest}, weight: 2,
		Help: "count the pages of a range that are in memory", Example: "mincore A => 16"},
	KindSetrlimit: {Kind: KindSetrlimit, Name: "setrlimit", In: inAny, Results: GivesErrno,
		args: []arg{argResource}, weight: 2, needs: onLimits,
		Help: "limit what the address space may have", Example: "setrlimit as 64M"},
	KindPrctl: {Kind: KindPrctl, Name: "prctl", In: inAny, Results: GivesErrno,
		args: []arg{argPrctl}, weight: 1, needs: onSettings,
		Help: "change how the address space is treated", Example: "prctl mdwe 1"},
	KindTouch: {Kind: KindTouch, Name: "touch", In: inAny, Results: GivesErrno | GivesSignal,
		args: []arg{argByte, argSpan, argAccess}, weight: 8,
		Help: "fault in one page, or every page of a range", Example: "touch random(A) write"},
	KindStore: {Kind: KindStore, Name: "store", In: inAny, Results: GivesErrno | GivesSignal,
		args: []arg{argWord, argValue}, weight: 14,
		Help: "write an 8-byte word of memory", Example: "store A+8 42"},
	KindLoad: {Kind: KindLoad, Name: "load", In: inAny, Results: GivesErrno | GivesSignal | GivesValue,
		args: []arg{argWord}, weight: 5,
		Help: "read an 8-byte word of memory", Example: "load A+8 => 0"},
	KindPeek: {Kind: KindPeek, Name: "peek", In: inAny, Results: GivesErrno | GivesValue,
		args: []arg{argWord}, weight: 2, needs: onRemote,
		Help: "read an 8-byte word from the kernel's side, through /proc/PID/mem", Example: "peek A+8 => 0"},
	KindPoke: {Kind: KindPoke, Name: "poke", In: inAny, Results: GivesErrno,
		args: []arg{argWord, argValue}, weight: 4, needs: onRemote,
		Help: "write an 8-byte word from the kernel's side, through /proc/PID/mem", Example: "poke A+8 42"},
	KindLock: {Kind: KindLock, Name: "lock", In: inAny, Results: GivesErrno,
		args: []arg{argWord}, weight: 5, needs: onSimulator,
		Help: "read-lock the VMA at ADDR without mmap_lock, and unlock it", Example: "lock A => ok | EAGAIN"},
	KindWalk: {Kind: KindWalk, Name: "walk", In: inAny, Results: GivesErrno | GivesValue,
		args: []arg{argWord}, weight: 3, needs: onSimulator,
		Help: "read an 8-byte word through the page tables, without a lock and without faulting", Example: "walk A => 1 | EFAULT"},
	KindPtdump: {Kind: KindPtdump, Name: "ptdump", In: inAny, Results: GivesErrno | GivesValue,
		args: []arg{argAddr, argRest}, weight: 2, needs: onSimulator,
		Help: "count the pages that the page tables map in a range, with a VMA or without, as ptdump does", Example: "ptdump A => 1"},
	KindCollapse: {Kind: KindCollapse, Name: "collapse", In: inAny, Results: GivesErrno,
		args: []arg{argAddr}, weight: 2, needs: onSimulator, wants: aFile | hugeFile,
		Help: "retract the page tables of the 2 MiB of a file that are mapped at ADDR, as khugepaged does", Example: "collapse A"},
	KindSmapsRollup: {Kind: KindSmapsRollup, Name: "smaps_rollup", In: inAny, Results: GivesErrno | GivesValue, weight: 2, needs: onSimulator,
		Help: "count the pages that the address space has in memory, as /proc/PID/smaps_rollup does", Example: "smaps_rollup => 1"},
	KindDamonVMAs: {Kind: KindDamonVMAs, Name: "damon_vmas", In: inAny, Results: GivesErrno | GivesValue, weight: 1, needs: onSimulator,
		Help: "count the VMAs as DAMON goes through them, without mmap_lock", Example: "damon_vmas => 1 | 2"},
	KindTaskVMAs: {Kind: KindTaskVMAs, Name: "task_vmas", In: inAny, Results: GivesErrno | GivesValue, weight: 1, needs: onSimulator,
		Help: "count the VMAs as bpf's iterator does, each under its own lock", Example: "task_vmas => 1 | 2"},
	KindEachVMA: {Kind: KindEachVMA, Name: "bpf_each_vma", In: inAny, Results: GivesErrno | GivesValue,
		args: []arg{argWord}, weight: 1, needs: onSimulator,
		Help: "run a bpf program that reads the word at ADDR for each VMA, and count them", Example: "bpf_each_vma A => 1"},
	KindReadMaps: {Kind: KindReadMaps, Name: "maps under vma-locks", In: inAny, Results: GivesErrno | GivesValue, weight: 1, needs: onRemote,
		Help: "count the VMAs that /proc/PID/maps tells, which locks one after the other", Example: "maps under vma-locks => 1 | 2"},
	KindDriverPages: {Kind: KindDriverPages, Name: "driver_pages", In: inAny, Results: GivesErrno | GivesValue, weight: 1, needs: onSimulator, wants: aFile | hooked,
		Help: "count the pages of the last mapping of a file with hooks, as binder does", Example: "driver_pages => 1 | 0"},
	KindLockBoth: {Kind: KindLockBoth, Name: "lock_both", In: inAny, Results: GivesErrno,
		args: []arg{argWord, argOther}, weight: 1, needs: onSimulator,
		Help: "read-lock the VMAs at two addresses, and unlock them, as UFFDIO_MOVE does", Example: "lock_both A and A+8K => ok | ENOENT"},
	KindFindVMAOf: {Kind: KindFindVMAOf, Name: "bpf_find_vma", In: inAny, Results: GivesErrno,
		args: []arg{argOtherMM, argWord}, weight: 1, needs: onSimulator, wants: otherMM,
		Help: "look for the VMA at an address of another address space, as a bpf program does", Example: "bpf_find_vma child A => ok | ESRCH | EBUSY | ENOENT"},
	KindSwapoff: {Kind: KindSwapoff, Name: "swapoff", In: inAny, Results: GivesErrno | GivesValue, weight: 1, needs: onSimulator,
		Help: "go through the forked address spaces as swapoff does, and count the VMAs that could have pages in swap", Example: "swapoff => 1"},
	KindKSM: {Kind: KindKSM, Name: "ksm", In: inAny, Results: GivesErrno | GivesValue, weight: 1, needs: onSimulator,
		Help: "go once through all VMAs of all address spaces as ksm does, and count them", Example: "ksm => 1"},
	KindUprobe: {Kind: KindUprobe, Name: "uprobe", In: inAny, Results: GivesErrno,
		args: []arg{argWord, argValue}, weight: 1, needs: onSimulator, wants: aFile,
		Help: "write a word, as a breakpoint, into all private copies of the page of a file that is mapped at ADDR", Example: "uprobe A 204"},
	KindMbind: {Kind: KindMbind, Name: "mbind", In: inAny, Results: GivesErrno,
		args: []arg{argAddr, argNode, argBindFlags}, weight: 2, needs: onSimulator,
		Help: "have the new pages of a VMA lie on node NODE of memory, 0 or 1; with flags 1 refuse if one of those that it has does not, with flags 2 move them", Example: "mbind A 1"},
	KindPRead: {Kind: KindPRead, Name: "pread", In: inAny, Results: GivesErrno,
		args: []arg{argFileTo}, weight: 1, needs: onSimulator, wants: aFile,
		Help: "read the first word of a file into memory, under the file's lock", Example: "pread F to A"},
	KindBuildID: {Kind: KindBuildID, Name: "build_id", In: inAny, Results: GivesErrno | GivesValue,
		args: []arg{argWord}, weight: 1, needs: onSimulator, wants: aFile,
		Help: "read the first word of the file that is mapped at ADDR, as /proc does for a build ID", Example: "build_id A => 0 | ENOENT"},
	KindUffdRegister: {Kind: KindUffdRegister, Name: "uffd_register", In: inAny, Results: GivesErrno,
		args: []arg{argAddr, argRest}, weight: 1, needs: onSimulator,
		Help: "register a range with the userfaultfd of the address space, or a whole region", Example: "uffd_register A 16K"},
	KindUffdRelease: {Kind: KindUffdRelease, Name: "uffd_release", In: inAny, Results: GivesErrno, weight: 1, needs: onSimulator,
		Help: "close the userfaultfd: no VMA is registered any more", Example: "uffd_release"},
	KindFork: {Kind: KindFork, Name: "fork", In: inAny, Results: GivesErrno,
		args: []arg{argMM}, weight: 2, needs: onForks,
		Help: "copy the task's address space into the new one MM", Example: "fork child"},
	KindExit: {Kind: KindExit, Name: "exit", In: inAny, Results: GivesErrno,
		args: []arg{argMMOrOwn}, weight: 2, needs: onForks,
		Help: "tear down an address space, the task's own if none is named", Example: "exit child"},
	KindSessions: {Kind: KindSessions, Name: "sessions", In: InInit,
		args: []arg{argCount},
		Help: "let N write sections of mmap_lock pass in which no VMA is locked", Example: "sessions 4294967295"},
	KindBarrier: {Kind: KindBarrier, Name: "barrier", In: InThread,
		args: []arg{argBarrier},
		Help: "wait for every task whose thread mentions NAME", Example: "barrier start"},
	KindAfter: {Kind: KindAfter, Name: "after", In: InThread,
		args: []arg{argAfter},
		Help: "wait until thread THREAD has performed its N-th statement, or has ended", Example: "after writer.1"},
	KindYield: {Kind: KindYield, Name: "yield", In: inAny,
		Help: "let another task run", Example: "yield"},
	KindValidate: {Kind: KindValidate, Name: "validate", In: inAny,
		Help: "check the task's whole address space now", Example: "validate"},
	KindMaps: {Kind: KindMaps, Name: "maps", In: inAny, Body: BodyPicture,
		args: []arg{argMMOrOwn},
		Help: "state the layout of the regions pictured below", Example: "maps"},

	KindRepeat: {Kind: KindRepeat, Name: "repeat", In: inAny, Body: BodyBlock,
		args: []arg{argCount},
		Help: "run the block N times", Example: "repeat 1000"},
	KindFor: {Kind: KindFor, Name: "for", In: inAny, Body: BodyBlock,
		args: []arg{argDuration},
		Help: "run the block again and again for DURATION", Example: "for 500ms"},
	KindForever: {Kind: KindForever, Name: "forever", In: InThread, Body: BodyBlock,
		Help: "in a background thread: run the block until the others have ended", Example: "forever"},
	KindChoose: {Kind: KindChoose, Name: "choose", In: inAny, Body: BodyChoices,
		Help: "draw one statement of the block, each by its weight, and run it", Example: "choose"},
	KindIn: {Kind: KindIn, Name: "in", In: inAny, Body: BodyBlock,
		args: []arg{argMM}, wants: otherMM,
		Help: "run the block in another address space", Example: "in child"},
}

// specIndex finds the specs by name.
var specIndex = func() map[string]*Spec {
	index := make(map[string]*Spec, len(specs))
	for i := range specs {
		index[specs[i].Name] = &specs[i]
	}
	return index
}()

func specByName(name string) *Spec { return specIndex[name] }

// IsKeyword reports whether a word begins a statement or a declaration, so that nothing can be called so.
func IsKeyword(word string) bool { return specByName(word) != nil }

// keywordsIn lists the statements that may stand in any block of place.
func keywordsIn(place Place) (names []string) {
	for _, s := range specs {
		if s.In&place != 0 {
			names = append(names, s.Name)
		}
	}
	return names
}
