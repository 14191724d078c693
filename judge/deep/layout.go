package deep

import (
	"fmt"
	"math"

	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
)

// layout is what the program needs to know of the running kernel.
type layout struct {
	offsets [fields]int16 // in vm_area_struct, by field of the record; missing: the kernel has it not

	// BTF ids of functions.
	taskFromVPID, taskRelease                  int64
	iteratorNew, iteratorNext, iteratorDestroy int64
}

// missing is the offset of a field that this kernel has not.
const missing = -1

// tells reports whether the kernel has a field.
func (k *layout) tells(field int) bool { return k.offsets[field] != missing }

// later reports whether a field is one that older kernels do without.
func later(field int) bool { return field == fieldAnonPgoffLow || field == fieldAnonPgoffHigh }

func sizeOf(field int) asm.Size {
	if later(field) {
		return asm.Word
	}
	return asm.DWord
}

// kernelLayout asks the kernel's BTF.
func kernelLayout() (*layout, error) {
	spec, err := btf.LoadKernelSpec()
	if err != nil {
		return nil, fmt.Errorf("the kernel does not describe its types (CONFIG_DEBUG_INFO_BTF): %w", err)
	}
	k := &layout{}
	for name, id := range map[string]*int64{
		"bpf_task_from_vpid":        &k.taskFromVPID,
		"bpf_task_release":          &k.taskRelease,
		"bpf_iter_task_vma_new":     &k.iteratorNew,
		"bpf_iter_task_vma_next":    &k.iteratorNext,
		"bpf_iter_task_vma_destroy": &k.iteratorDestroy,
	} {
		if *id, err = function(spec, name); err != nil {
			return nil, err
		}
	}
	var area *btf.Struct
	if err := spec.TypeByName("vm_area_struct", &area); err != nil {
		return nil, err
	}
	for field, name := range [fields]string{
		fieldStart: "vm_start", fieldEnd: "vm_end", fieldFlags: "vm_flags", fieldPgoff: "vm_pgoff", fieldAnonVMA: "anon_vma",
		fieldChainFirst: "anon_vma_chain", fieldChainLast: "anon_vma_chain",
		fieldAnonPgoffLow: "__vm_anon_pgoff_lo", fieldAnonPgoffHigh: "__vm_anon_pgoff_hi",
	} {
		offset, ok := offsetOf(area.Members, name)
		if field == fieldChainLast {
			offset += 8 // list_head: next, prev
		}
		if !ok && later(field) {
			k.offsets[field] = missing
			continue
		}
		if !ok || offset > math.MaxInt16 {
			return nil, fmt.Errorf("vm_area_struct has no %s", name)
		}
		k.offsets[field] = int16(offset)
	}
	return k, nil
}

// function returns the BTF id of a function that programs may call.
func function(spec *btf.Spec, name string) (int64, error) {
	var f *btf.Func
	if err := spec.TypeByName(name, &f); err != nil {
		return 0, fmt.Errorf("the kernel is too old, 6.14 has %s: %w", name, err)
	}
	id, err := spec.TypeID(f)
	return int64(id), err
}

// offsetOf finds a member, also inside members without a name.
func offsetOf(members []btf.Member, name string) (bytes uint32, ok bool) {
	for _, m := range members {
		if m.Name == name {
			return m.Offset.Bytes(), true
		}
		if m.Name != "" {
			continue
		}
		var inner []btf.Member
		switch t := btf.UnderlyingType(m.Type).(type) {
		case *btf.Struct:
			inner = t.Members
		case *btf.Union:
			inner = t.Members
		}
		if offset, ok := offsetOf(inner, name); ok {
			return m.Offset.Bytes() + offset, true
		}
	}
	return 0, false
}
