/*
 * The lock of one VMA as a reference count (docs/kernel.md, K1), for Spin: readers that found the VMA try to lock it, and a writer, which has
 * mmap_lock, write-locks it, detaches it and attaches it again. Every access to a word that processes share is a step of its own.
 *
 * -DREADERS, -DLOOKUPS (of each reader), -DDETACHES
 */
#define FLAG 64		/* VMA_LOCK_OFFSET, small enough for a byte */

byte refcnt = 1;	/* vm_refcnt: attached, no readers */
byte vma_seq = 0;	/* vm_lock_seq */
byte mm_seq = 1;	/* mm_lock_seq; odd: no write section is open */
bit waiting = 0;	/* the writer has announced itself in vma_writer_wait */
bit woken = 0;		/* it has a wake-up to look at */
bit detached = 0;	/* what the count has to say, for the assertions */
byte inside = 0;	/* readers that hold the lock */

/* vma_refcount_put: what leaves the writer alone behind its flag wakes it. */
inline put(left)
{
	atomic { refcnt--; left = refcnt }
	if
	:: left == FLAG || left == FLAG + 1 ->
		if
		:: waiting -> woken = 1
		:: else
		fi
	:: else
	fi;
	left = 0
}

proctype reader()
{
	byte n, seen, left;
	do
	:: n == LOOKUPS -> break
	:: n < LOOKUPS ->
		n++;
		seen = vma_seq;
		if
		:: seen == mm_seq -> seen = 0; goto over
		:: else
		fi;
		atomic {
			if
			:: refcnt == 0 || refcnt >= FLAG -> seen = 0; goto over
			:: else -> refcnt++
			fi
		};
		seen = vma_seq;
		if
		:: seen == mm_seq -> seen = 0; put(left); goto over
		:: else
		fi;
		seen = 0;
		inside++;
		assert(!detached);
		inside--;
		put(left);
over:		skip
	od
}

/* Keeps new readers out and waits for those that are there, until alone is left. */
inline exclude(alone)
{
	refcnt = refcnt + FLAG;
	do
	:: refcnt == alone -> break
	:: else ->
		waiting = 1;
		if
		:: refcnt == alone -> waiting = 0; woken = 0; break
		:: else -> woken == 1; woken = 0; waiting = 0
		fi
	od
}

proctype writer()
{
	byte n, left;
	do
	:: n == DETACHES -> break
	:: n < DETACHES ->
		n++;
		mm_seq++;			/* mmap_write_lock */
		exclude(FLAG + 1);		/* __vma_start_write */
		assert(inside == 0);
		vma_seq = mm_seq;
		refcnt = refcnt - FLAG;
		atomic { refcnt--; left = refcnt };	/* vma_mark_detached */
		if
		:: left > 0 ->			/* readers that came in between */
			left = 0;
			exclude(FLAG);
			refcnt = refcnt - FLAG
		:: else
		fi;
		detached = 1;
		assert(refcnt == 0);
		detached = 0;
		refcnt = 1;			/* vma_mark_attached */
		mm_seq++			/* mmap_write_unlock */
	od
}

init
{
	byte i;
	atomic {
		do
		:: i < READERS -> run reader(); i++
		:: else -> break
		od;
		i = 0;
		run writer()
	}
}
