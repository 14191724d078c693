#include "go_asm.h"
#include "textflag.h"

// An agent is a process that shares nothing with the program it was cloned from
// but these instructions: no Go code, no stack, no data. R12 is its slot
// (slot.go), everything else is in the slot.

#define SYS_READ 0
#define SYS_WRITE 1
#define SYS_CLOSE 3
#define SYS_CLONE 56
#define SYS_SIGALTSTACK 131
#define SYS_PRCTL 157
#define SYS_EXIT_GROUP 231

#define CLONE_PARENT 0x8000
#define PR_SET_PDEATHSIG 1
#define SIGKILL 9
#define TRAP_FLAG 0x100

// In a struct ucontext.
#define UC_RCX 152
#define UC_RIP 168
#define UC_ERR 192
#define UC_TRAPNO 200

#define SINK (slot_sink + 2048)

// func spawn(slotAddress uint64) int
TEXT ·spawn(SB), NOSPLIT, $0-16
	MOVQ	slotAddress+0(FP), R12
	XORL	DI, DI	// no exit signal
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVL	$SYS_CLONE, AX
	SYSCALL
	TESTQ	AX, AX
	JEQ	child
	MOVQ	AX, ret+8(FP)
	RET
child:
	XORL	DI, DI
	JMP	agent<>(SB)

// func handlerAddress() uint64
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	LEAQ	agent<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET

// agent is an agent's whole life. It is entered with DI zero to begin, and by
// the kernel, as signal handler, with the signal in DI.
TEXT agent<>(SB), NOSPLIT|NOFRAME, $0-0
	TESTQ	DI, DI
	JNE	handler

begin:
	// It is to die with the nursery.
	MOVL	$PR_SET_PDEATHSIG, DI
	MOVL	$SIGKILL, SI
	MOVL	$SYS_PRCTL, AX
	SYSCALL
	LEAQ	slot_altStack(R12), DI
	XORL	SI, SI
	MOVL	$SYS_SIGALTSTACK, AX
	SYSCALL
	LEAQ	SINK(R12), SP

serve:
	MOVQ	slot_fd(R12), DI
	LEAQ	slot_bell(R12), SI
	MOVL	$1, DX
	MOVL	$SYS_READ, AX
	SYSCALL
	CMPQ	AX, $1
	JEQ	perform
	XORL	DI, DI	// nobody is left to serve
	MOVL	$SYS_EXIT_GROUP, AX
	SYSCALL

perform:
	// BX is the operation.
	MOVQ	slot_current(R12), BX
	MOVQ	operation_target(BX), AX
	MOVQ	operation_kind(BX), CX
	CMPQ	CX, $const_opCall
	JEQ	call
	CMPQ	CX, $const_opRead
	JEQ	read
	CMPQ	CX, $const_opWrite
	JEQ	write
	CMPQ	CX, $const_opLoad
	JEQ	load
	CMPQ	CX, $const_opStore
	JEQ	store
	CMPQ	CX, $const_opExec
	JEQ	exec
	CMPQ	CX, $const_opCopy
	JEQ	copy
	CMPQ	CX, $const_opFork
	JEQ	fork
	JMP	finish

call:
	MOVQ	(operation_args+0)(BX), DI
	MOVQ	(operation_args+8)(BX), SI
	MOVQ	(operation_args+16)(BX), DX
	MOVQ	(operation_args+24)(BX), R10
	MOVQ	(operation_args+32)(BX), R8
	MOVQ	(operation_args+40)(BX), R9
	SYSCALL
	JMP	result

read:
	MOVBQZX	(AX), AX
	JMP	result

write:
	// Locked, so that there is one access, for writing, and none for reading before it.
	LOCK
	ORB	$0, (AX)
	JMP	finish

load:
	MOVQ	(AX), AX
	JMP	result

store:
	MOVQ	operation_args(BX), CX
	MOVQ	CX, (AX)
	JMP	finish

copy:
	MOVQ	AX, DI
	MOVQ	(operation_args+0)(BX), SI
	MOVQ	(operation_args+8)(BX), CX
	CLD
	REP; MOVSB
	XORL	AX, AX
	JMP	result

exec:
	// Return to the target with the trap flag set: it executes one instruction.
	// All registers point into the sink, where it does no harm.
	LEAQ	SINK(R12), SI
	XORL	CX, CX
	MOVW	SS, CX
	PUSHQ	CX
	PUSHQ	SI
	PUSHFQ
	ORQ	$TRAP_FLAG, (SP)
	MOVW	CS, CX
	PUSHQ	CX
	PUSHQ	AX
	MOVQ	SI, AX
	MOVQ	SI, BX
	MOVQ	SI, CX
	MOVQ	SI, DX
	MOVQ	SI, DI
	MOVQ	SI, BP
	MOVQ	SI, R8
	MOVQ	SI, R9
	MOVQ	SI, R10
	MOVQ	SI, R11
	MOVQ	SI, R12
	MOVQ	SI, R13
	MOVQ	SI, R14
	MOVQ	SI, R15
	IRETQ

fork:
	MOVQ	operation_args(BX), SI
	MOVLQSX	(SI), R13
	MOVQ	$CLONE_PARENT, DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVL	$SYS_CLONE, AX
	SYSCALL
	TESTQ	AX, AX
	JEQ	child
	MOVQ	AX, operation_result(BX)
	MOVQ	R13, DI	// the child's socket is the child's alone, so that its death is seen
	MOVL	$SYS_CLOSE, AX
	SYSCALL
	JMP	finish
child:
	MOVQ	slot_fd(R12), DI
	MOVL	$SYS_CLOSE, AX
	SYSCALL
	MOVQ	(operation_args+8)(BX), R12
	MOVQ	R13, slot_fd(R12)
	JMP	begin

result:
	MOVQ	AX, operation_result(BX)

finish:
	ADDQ	$operation__size, slot_current(R12)
	DECQ	slot_left(R12)
	JNE	perform
	MOVQ	slot_fd(R12), DI
	LEAQ	slot_bell(R12), SI
	MOVL	$1, DX
	MOVL	$SYS_WRITE, AX
	SYSCALL
	JMP	serve

handler:
	// Note what happened to the operation under way, which ends with that: never
	// return to where the signal came from.
	MOVQ	SP, R12
	ANDQ	$~(const_slotSize-1), R12
	MOVQ	slot_current(R12), BX
	MOVLQZX	DI, DI
	MOVQ	DI, operation_signal(BX)
	MOVLQSX	8(SI), AX
	MOVQ	AX, operation_code(BX)
	MOVQ	16(SI), AX
	MOVQ	AX, operation_address(BX)
	MOVQ	UC_TRAPNO(DX), AX
	MOVQ	AX, operation_trap(BX)
	MOVQ	UC_ERR(DX), AX
	MOVQ	AX, operation_trapError(BX)
	MOVQ	UC_RIP(DX), AX
	MOVQ	AX, operation_ip(BX)
	MOVQ	UC_RCX(DX), AX
	MOVQ	AX, operation_result(BX)
	LEAQ	SINK(R12), SP
	JMP	finish
