package mm

import (
	"vmasim/internal/linux"
	"vmasim/internal/phys"
	"vmasim/internal/rules"
	"vmasim/internal/task"
	"vmasim/vma"
)

// MmapArgs are the arguments of mmap(2). File takes the place of the descriptor: nil with linux.MAP_ANONYMOUS.
type MmapArgs struct {
	Addr, Len uint64
	Prot      int // linux.PROT_*
	Flags     int // linux.MAP_*
	File      *phys.File
	Offset    uint64
	Ops       *vma.Ops // hooks that the owner of a new VMA sets; a mapping that joins a neighbour has that one's
}

func (a *MmapArgs) has(flag int) bool { return a.Flags&flag == flag }
func (a *MmapArgs) anonymous() bool   { return a.has(linux.MAP_ANONYMOUS) }
func (a *MmapArgs) fixed() bool       { return a.has(linux.MAP_FIXED) || a.has(linux.MAP_FIXED_NOREPLACE) }
func (a *MmapArgs) mapType() int      { return a.Flags & mapTypeMask }

// place sets what the address of the mapping depends on; length is Len in whole pages.
func (a *MmapArgs) place(p *placement, length uint64) {
	p.op, p.hint, p.length, p.flags, p.offset = "mmap", a.Addr, length, a.Flags, a.Offset
	if !a.anonymous() {
		p.file = a.File
	}
}

const (
	mapTypeMask = 0xf // MAP_TYPE
	// legacyMapMask is the flags that MAP_SHARED_VALIDATE knows; more bits are the sizes of huge pages.
	legacyMapMask = linux.MAP_SHARED | linux.MAP_PRIVATE | linux.MAP_FIXED | linux.MAP_ANONYMOUS | linux.MAP_DENYWRITE |
		linux.MAP_EXECUTABLE | 0x40 | linux.MAP_GROWSDOWN | linux.MAP_LOCKED | linux.MAP_NORESERVE | linux.MAP_POPULATE |
		linux.MAP_NONBLOCK | linux.MAP_STACK | linux.MAP_HUGETLB | linux.MAP_32BIT | 0x80 | hugeSizeBits
	hugeSizeBits = 0x3f << 26 // MAP_HUGE_SHIFT
)

// protFlags returns the vm_flags of PROT_ bits: calc_vm_prot_bits. Unknown bits are ignored.
func protFlags(prot int) (f linux.VMFlags) {
	if prot&linux.PROT_READ != 0 {
		f |= linux.VMRead
	}
	if prot&linux.PROT_WRITE != 0 {
		f |= linux.VMWrite
	}
	if prot&linux.PROT_EXEC != 0 {
		f |= linux.VMExec
	}
	return f
}

// Mmap is mmap(2): it returns the address of the new mapping. Errors are linux.Errno values, wrapped.
func (mm *MM) Mmap(t *task.Task, args MmapArgs) (uint64, error) {
	t.Enter("do_mmap")
	defer t.Leave()
	if offsetInPage(args.Offset) != 0 {
		return 0, errno("mmap", linux.EINVAL, "offset %#x is not page aligned", args.Offset)
	}
	if err := mm.findFile(t, &args); err != nil {
		return 0, err
	}
	if args.hugeTLB() {
		defer args.File.Put(t)
	}
	if err := mm.lockCall(t, callMmap, 0, 0); err != nil {
		return 0, err
	}
	flags := flagBits(&args) | mm.defFlags.Read(t)
	addr, err := mm.doMmap(t, &args, flags)
	mm.endCall(t, err)
	if err == nil && (flags&linux.VMLocked != 0 || args.has(linux.MAP_POPULATE) && !args.has(linux.MAP_NONBLOCK)) {
		_ = mm.populate(t, addr, addr+pageAlign(args.Len), true)
	}
	return addr, err
}

// flagBits returns the vm_flags that a mapping has whatever it maps: calc_vm_prot_bits and calc_vm_flag_bits.
func flagBits(args *MmapArgs) linux.VMFlags {
	flags := protFlags(args.Prot) | linux.VMMayRead | linux.VMMayWrite | linux.VMMayExec
	if args.has(linux.MAP_GROWSDOWN) {
		flags |= linux.VMGrowsDown
	}
	if args.has(linux.MAP_LOCKED) {
		flags |= linux.VMLocked
	}
	if args.has(linux.MAP_STACK) {
		flags |= linux.VMNoHugePage
	}
	if args.has(linux.MAP_SYNC) {
		flags |= linux.VMSync
	}
	return flags
}

// doMmap checks the arguments in the kernel's order, first match first, and maps; flags are those of flagBits, and those of all new
// mappings. The caller holds mmap_lock for writing.
func (mm *MM) doMmap(t *task.Task, args *MmapArgs, flags linux.VMFlags) (uint64, error) {
	if args.Len == 0 {
		return 0, errno("mmap", linux.EINVAL, "length is 0")
	}
	length := pageAlign(args.Len)
	if length == 0 {
		return 0, errno("mmap", linux.ENOMEM, "length %#x wraps", args.Len)
	}
	pgoff := args.Offset >> linux.PageShift
	if pgoff+length>>linux.PageShift < pgoff {
		return 0, errno("mmap", linux.EOVERFLOW, "offset %#x and length %#x wrap", args.Offset, args.Len)
	}
	if mm.MapCount(t) > mm.Machine.MaxMapCount {
		return 0, errno("mmap", linux.ENOMEM, "map_count exceeds %d", mm.Machine.MaxMapCount)
	}
	var where placement
	args.place(&where, length)
	if !args.fixed() {
		where.hint = mm.roundHint(args.Addr)
	}
	addr, err := mm.unmappedArea(t, &where)
	if err != nil {
		return 0, err
	}
	if args.has(linux.MAP_FIXED_NOREPLACE) && !mm.free(t, addr, addr+length) {
		return 0, errno("mmap", linux.EEXIST, "[%#x, %#x) is not free", addr, addr+length)
	}
	if args.has(linux.MAP_LOCKED) {
		if err := mm.mayLock(t, "mmap"); err != nil {
			return 0, err
		}
	}
	if !mm.mlockFutureOK(t, flags, length) {
		return 0, errno("mmap", linux.EAGAIN, "%#x locked bytes more exceed RLIMIT_MEMLOCK", length)
	}
	if flags, err = mapFlags(args, flags, length); err != nil {
		return 0, err
	}
	flags &^= mm.Machine.unknownFlags(flags)
	if mm.denyWriteExec(t, flags, flags) {
		return 0, errno("mmap", linux.EACCES, "executable memory may not be written to (PR_SET_MDWE)")
	}
	if !ksmCompatible(flags) {
		flags &^= linux.VMMergeable
	}
	file := args.File
	if args.anonymous() {
		file = nil
		pgoff = addr >> linux.PageShift
		if flags&linux.VMShared != 0 {
			pgoff = 0
		}
	}
	shared := linux.VMShared // not of what can never be written to
	if mm.Rules.Has(rules.SharedZero) {
		shared = linux.VMMayShare
	}
	if flags&shared != 0 && (file == nil || file.Zero()) { // a file of its own: shmem_zero_setup
		if file, err = mm.newShmem(t, flags, length); err != nil {
			return 0, err
		}
		defer file.Put(t)
	}
	ops := args.Ops
	if file != nil && file.HasHooks() {
		ops = &mm.Machine.driver.ops
	}
	if err := mm.mmapRegion(t, addr, addr+length, flags, pgoff, file, ops); err != nil {
		return 0, err
	}
	return addr, nil
}

// mapFlags returns the vm_flags of a new mapping, those of flagBits completed, or why it is refused.
func mapFlags(args *MmapArgs, flags linux.VMFlags, length uint64) (linux.VMFlags, error) {
	kind := args.mapType()
	if args.anonymous() {
		switch kind {
		case linux.MAP_SHARED:
			if flags&linux.VMGrowsDown != 0 {
				return 0, errno("mmap", linux.EINVAL, "shared memory does not grow down")
			}
			flags |= linux.VMShared | linux.VMMayShare
		case linux.MAP_DROPPABLE:
			if args.has(linux.MAP_LOCKED) || flags&linux.VMGrowsDown != 0 {
				return 0, errno("mmap", linux.EINVAL, "what may be dropped is neither locked nor a stack")
			}
			flags |= linux.VMDroppable | linux.VMNoReserve | linux.VMWipeOnFork | linux.VMDontDump
		case linux.MAP_PRIVATE:
		default:
			return 0, errno("mmap", linux.EINVAL, "neither shared nor private")
		}
	} else {
		if args.Offset>>linux.PageShift > (args.File.MaxMapped()-length)>>linux.PageShift { // file_mmap_ok
			return 0, errno("mmap", linux.EOVERFLOW, "offset %#x lies beyond any file", args.Offset)
		}
		switch kind {
		case linux.MAP_SHARED_VALIDATE:
			known := legacyMapMask | linux.MAP_SHARED_VALIDATE
			if args.File.OnDAXSystem() { // FOP_MMAP_SYNC
				known |= linux.MAP_SYNC
			}
			if args.Flags&^known != 0 {
				return 0, errno("mmap", linux.EOPNOTSUPP, "flags %#x", args.Flags)
			}
			fallthrough
		case linux.MAP_SHARED:
			if args.Prot&linux.PROT_WRITE != 0 && !args.File.Writable() {
				return 0, errno("mmap", linux.EACCES, "the file is not open for writing")
			}
			flags |= linux.VMShared | linux.VMMayShare
			if !args.File.Writable() {
				flags &^= linux.VMMayWrite | linux.VMShared
			}
		case linux.MAP_PRIVATE:
		default:
			return 0, errno("mmap", linux.EINVAL, "neither shared nor private")
		}
		switch {
		case !args.File.Readable():
			return 0, errno("mmap", linux.EACCES, "the file is not open for reading")
		case args.File.NoExec() && flags&linux.VMExec != 0:
			return 0, errno("mmap", linux.EPERM, "the file lies on a mount without executable files")
		case args.File.Refusal() != 0: // can_mmap_file
			return 0, errno("mmap", args.File.Refusal(), "the file cannot be mapped")
		case flags&linux.VMGrowsDown != 0:
			return 0, errno("mmap", linux.EINVAL, "files do not grow down")
		}
		if args.File.NoExec() {
			flags &^= linux.VMMayExec
		}
		if args.File.WriteSealed() && flags&linux.VMShared != 0 { // check_write_seal
			if flags&linux.VMWrite != 0 {
				return 0, errno("mmap", linux.EPERM, "the file is sealed against writing")
			}
			flags &^= linux.VMMayWrite
		}
	}
	if args.has(linux.MAP_NORESERVE) {
		flags |= linux.VMNoReserve
	}
	return flags, nil
}

// accountable reports whether memory with these flags is charged when it is mapped: accountable_mapping.
func accountable(f linux.VMFlags) bool {
	return f&(linux.VMNoReserve|linux.VMShared|linux.VMWrite) == linux.VMWrite
}

// mmapRegion maps [start, end) with flags, replacing what is there: __mmap_region. The old VMAs stay in the tree, detached
// and write-locked, until the store of the new one overwrites them. The caller holds mmap_lock for writing.
func (mm *MM) mmapRegion(t *task.Task, start, end uint64, flags linux.VMFlags, pgoff uint64, file *phys.File, ops *vma.Ops) error {
	t.Enter("__mmap_region")
	defer t.Leave()
	mm.callTouches(t, start, end)
	vms := unmapping{mm: mm, start: start, end: end}
	if err := vms.gather(t); err != nil {
		return err
	}
	if err := vms.replace(t, &flags); err != nil {
		vms.reattach(t)
		return err
	}
	if mm.Rules.Has(rules.HoleFirst) && len(vms.vmas) > 0 {
		vms.erase(t)
	}
	vms.clearPTEs(t) // no way back: from here on a failure leaves a hole
	err := prepareFile(t, file, flags, pgoff, ops)
	if err == nil {
		err = mm.mergeOrLink(t, start, end, flags, pgoff, file, ops)
	}
	if err != nil && len(vms.vmas) > 0 {
		t.Reach(task.RollbackHole)
		vms.erase(t)
	}
	vms.complete(t)
	if err != nil {
		if mm.Rules.Has(rules.UnchargeFailed) {
			mm.uncharge(t, vms.charged)
		}
		return err
	}
	mm.statAccount(t, flags, (end-start)>>linux.PageShift)
	switch {
	case flags&linux.VMLocked == 0:
	case flags&linux.VMDroppable != 0 && !mm.Machine.LockDroppable: // it was compared with its neighbours as locked
		v := mm.vmi.Find(t, start)
		v.SetFlags(t, v.Flags(t)&^linux.VMLockedMask)
		mm.callGives(t, v.Flags(t))
	default:
		mm.addLocked(t, (end-start)>>linux.PageShift)
	}
	return nil
}

// prepareFile asks the file system whether it maps the file so: call_mmap_prepare. One that could have DAX devices has no synchronous
// mappings of files that are on none (daxdev_mapping_supported).
func prepareFile(t *task.Task, file *phys.File, flags linux.VMFlags, pgoff uint64, ops *vma.Ops) error {
	switch {
	case file == nil:
	case flags&linux.VMSync != 0 && file.OnDAXSystem():
		return errno("mmap", linux.EOPNOTSUPP, "MAP_SYNC, and the file is on no DAX device")
	case file.HugePage() != 0:
		return prepareHugeTLB(file, pgoff)
	case ops != nil && ops.Prepare != nil:
		t.Enter("call_mmap_prepare")
		defer t.Leave()
		return ops.Prepare(t)
	}
	return nil
}

// mergeOrLink makes the VMA of a new mapping, or a neighbour longer.
func (mm *MM) mergeOrLink(t *task.Task, start, end uint64, flags linux.VMFlags, pgoff uint64, file *phys.File, ops *vma.Ops) error {
	var r mergeRange // set field by field, as a literal would be copied to where it is used
	r.mm, r.start, r.end = mm, start, end
	r.prev, r.next = mm.vmi.Prev(t, start), mm.vmi.Find(t, end)
	r.pgoff, r.anonPgoff, r.flags, r.file = pgoff, start>>linux.PageShift, flags, file
	mm.callWants(t, &r)
	late := linux.VMFlags(0)
	if file != nil && file.Zero() && !mm.Rules.Has(rules.EarlyMergeable) { // its mmap method could change the flags, so KSM's come after it: can_set_ksm_flags_early
		late = flags & linux.VMMergeable
	}
	r.flags &^= late
	merged, err := r.mergeNew(t)
	if err == nil && !merged {
		r.flags |= late
		if err = mm.newVMA(t, &r, ops); err == nil && mm.Machine.has(Probes) {
			mm.uprobeMmap(t, mm.vmi.Find(t, start))
		}
	}
	if late != 0 {
		mm.callGives(t, r.flags)
	}
	return err
}

// replace checks that a mapping with these flags in place of what was gathered is within the limits, and charges it:
// __mmap_setup. It fails with ENOMEM.
func (u *unmapping) replace(t *task.Task, flags *linux.VMFlags) error {
	pages := (u.end - u.start) >> linux.PageShift
	if !u.mm.mayExpand(t, *flags, pages-u.stat.Total) {
		return errno("mmap", linux.ENOMEM, "%d pages more exceed RLIMIT_AS or RLIMIT_DATA", pages-u.stat.Total)
	}
	if !accountable(*flags) {
		return nil
	}
	if err := u.mm.charge(t, "mmap", pages-u.accounted); err != nil {
		return err
	}
	u.charged = pages // in place of what the old ones were charged
	u.accounted = 0
	*flags |= linux.VMAccount
	return nil
}

// newVMA makes and links the VMA of a new mapping: __mmap_new_vma. It is write-locked before another task can find it, so
// that what mmap does to it later stays unseen.
func (mm *MM) newVMA(t *task.Task, r *mergeRange, ops *vma.Ops) error {
	v, err := mm.Machine.VMAs.Alloc(t, &mm.MMLock, r.start, r.end, r.pgoff, r.flags)
	if err != nil {
		return err
	}
	if err := mm.readyNew(t, v, ops); err != nil {
		mm.FreeArea(t, v)
		return err
	}
	if r.file != nil {
		r.file.Get(t)
		v.SetFile(t, r.file)
	}
	v.SetOps(t, ops)
	mm.storeNew(t, v)
	mm.linkFile(t, v)
	return nil
}

// readyNew gets a new VMA all that may be refused: nodes for the tree, and what the owner has to do, which comes last, as only the close
// hook could undo it. On an error the VMA is of no use.
func (mm *MM) readyNew(t *task.Task, v *vma.VMA, ops *vma.Ops) error {
	late := mm.Rules.Has(rules.HookLast)
	if !late {
		if err := mapHook(t, v, ops); err != nil {
			return err
		}
	}
	err := mm.Tree.Preallocate(t)
	if err == nil && late {
		err = mapHook(t, v, ops)
	}
	return err
}

// mapHook has the owner do for a new VMA what it has to: mmap_file.
func mapHook(t *task.Task, v *vma.VMA, ops *vma.Ops) error {
	if ops == nil || ops.Map == nil {
		return nil
	}
	t.Enter("mmap_file")
	defer t.Leave()
	return ops.Map(t, v)
}

// storeNew makes a detached VMA visible: vma_start_write and vma_iter_store_new.
func (mm *MM) storeNew(t *task.Task, v *vma.VMA) {
	if mm.Rules.Has(rules.LockNewVMA) {
		mm.StartWrite(t, v)
	}
	start, end := v.Range(t)
	if mm.Rules.Has(rules.AttachBeforeStore) {
		mm.MarkAttached(t, v)
		v.AssertAttached(t) // vma_iter_store_overwrite
		mm.vmi.Store(t, start, end, v)
	} else {
		mm.vmi.Store(t, start, end, v)
		mm.MarkAttached(t, v)
	}
	mm.addMapCount(t, 1)
}
