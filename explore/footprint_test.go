package explore

import (
	"testing"
	"unsafe"
)

// TestFootprints: a step has one number in all executions, and what races is known whichever came first.
func TestFootprints(t *testing.T) {
	var memory [16]uint64
	p := newFootprints()
	number := func(lives []int, a access, at int) int32 {
		var local cells // numbers that differ each time
		local.reset()
		for i := range at + len(lives) {
			local.at(unsafe.Pointer(&memory[15-i]))
		}
		a.cell = local.at(unsafe.Pointer(&memory[at])).number
		var born []int32
		for _, l := range lives {
			born = append(born, local.at(unsafe.Pointer(&memory[l])).number)
		}
		return p.of(a, born, &local)
	}
	write := number(nil, access{task: 0, wakes: -1, class: writes}, 1)
	read := number(nil, access{task: 1, wakes: -1}, 1)
	other := number(nil, access{task: 1, wakes: -1}, 2)
	again := number(nil, access{task: 1, wakes: -1}, 1)
	birth := number([]int{3}, access{task: 0, wakes: -1}, 2)
	use := number(nil, access{task: 1, wakes: -1, class: writes}, 3)
	if again != read || other == read {
		t.Errorf("%d and %d are one, %d is another", read, again, other)
	}
	if !p.races[read].has(write) || !p.races[write].has(read) || p.races[other].has(write) {
		t.Errorf("races: %v", p.races)
	}
	if p.bare[birth] == birth || p.bare[use] != use || p.all[p.bare[birth]].lives != [3]int32{} {
		t.Errorf("bare: %v", p.bare)
	}
	var many []int
	for i := range 5 {
		many = append(many, i+4)
	}
	if f := p.all[number(many, access{task: 0, wakes: -1}, 0)]; f.flags&dependsOnAll == 0 {
		t.Errorf("%+v has room for all lives", f)
	}
}

// TestFootprintsAgree: a cell that was touched before it was known in which object it lies is found to lie there in all footprints.
func TestFootprintsAgree(t *testing.T) {
	p := newFootprints()
	local := &cells{}
	local.reset()
	var memory [8]uint64
	cell, object := local.at(unsafe.Pointer(&memory[1])).number, local.at(unsafe.Pointer(&memory[0])).number
	read := p.of(access{task: 0, wakes: -1, cell: cell}, nil, local)
	fill := p.of(access{task: 1, wakes: -1, cell: object, object: object, class: writes, flags: bulk}, nil, local)
	if p.races[read].has(fill) {
		t.Error("a cell of no known object races with another")
	}
	p.of(access{task: 0, wakes: -1, cell: cell, object: object, class: writes}, nil, local)
	if !p.news || !p.races[read].has(fill) {
		t.Errorf("news %v, races %v", p.news, p.races)
	}
	if late := p.of(access{task: 2, wakes: -1, cell: cell}, nil, local); p.all[late].object == 0 {
		t.Error("a cell lies in no object though one is known")
	}
}
