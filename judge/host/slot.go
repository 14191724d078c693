package host

import "unsafe"

// Agents share memory with this process: a memfd cut into slots, one for each
// agent, mapped at slotsBase in every agent. All that an agent needs to live lies
// in its slot, stacks included, so that it has no private memory of its own.
const (
	// slotsBase is just above the program, so that agents leave free what the kernel uses of processes: the addresses of the heap, of what
	// is placed by the kernel, and of the stack, in one window.
	slotsBase = 0x8000000
	slotSize  = 1 << 18 // a power of two: the signal handler finds its slot by masking the stack pointer
	maxAgents = 256
	slotsSize = maxAgents * slotSize

	// scratchSize is how much memory of an agent the caller may use for buffers.
	scratchSize = 64 << 10
	// maxBatch is how many operations one round trip carries.
	maxBatch = 256
)

// slot is what this process and one agent share; agent_amd64.s uses it too.
type slot struct {
	scratch     [scratchSize]byte
	signalStack [64 << 10]byte
	// sink is where the registers point while a byte under test is executed.
	sink     [4096]byte
	ops      [maxBatch]operation
	current  uint64 // address of the operation under way
	left     uint64 // operations to do, the one under way included
	fd       uint64 // the agent's socket
	bell     uint64 // the byte that the socket carries
	altStack signalStack
	message  message
	_        [slotSize - usedSize]byte
}

const usedSize = scratchSize + 64<<10 + 4096 + maxBatch*unsafe.Sizeof(operation{}) + 4*8 +
	unsafe.Sizeof(signalStack{}) + unsafe.Sizeof(message{})

// operation is one thing for an agent to do and, afterwards, what came of it.
type operation struct {
	kind   uint64
	target uint64 // system call number or address
	args   [6]uint64
	result uint64 // of a system call; the value loaded; bytes left to copy
	// Findings of the signal handler: zero without a signal.
	signal, code, address, trap, trapError, ip uint64
	_                                          uint64
}

// Operations of an agent.
const (
	opCall  = iota // a system call: number target, six args
	opRead         // load a byte
	opWrite        // write a byte back unchanged
	opLoad         // load a word
	opStore        // store the word args[0]
	opExec         // execute one instruction
	opCopy         // copy args[1] bytes from args[0] to target
	opFork         // become two: the child serves the socket in *args[0] from the slot args[1]
)

// signalStack is struct sigaltstack.
type signalStack struct {
	base, flags, size uint64
}

// signalAction is the kernel's struct sigaction.
type signalAction struct {
	handler, flags, restorer, mask uint64
}

// message is a struct msghdr and what it points to: one byte, and room for the
// descriptors that come with it.
type message struct {
	name, nameLen, vector, vectorLen, control, controlLen, flags uint64
	base, length                                                 uint64
	rights                                                       controlHeader
	fds                                                          [maxFiles]int32
}

// controlHeader is struct cmsghdr.
type controlHeader struct {
	length      uint64
	level, kind int32
}

// maxFiles is how many descriptors one message carries.
const maxFiles = 16

// slotAddress is where agents see slot i.
func slotAddress(i int) uint64 { return slotsBase + uint64(i)*slotSize }

// slotAt is the i-th slot of the shared memory.
func slotAt(memory []byte, i int) *slot {
	return (*slot)(unsafe.Pointer(&memory[i*slotSize]))
}

// prepare makes a slot ready for a new agent.
func (s *slot) prepare(i int) {
	address := slotAddress(i)
	s.altStack = signalStack{base: address + uint64(unsafe.Offsetof(s.signalStack)), size: uint64(len(s.signalStack))}
	s.message = message{}
}
