package host

import "vmasim/internal/linux"

// Page is an entry of /proc/PID/pagemap, without the bit that says that it was
// written since the soft-dirty bits were cleared: nothing clears them, nor
// VM_SOFTDIRTY.
type Page uint64

// The bits of an entry.
const (
	pagePresent   = 1 << 63
	pageSwapped   = 1 << 62
	pageFile      = 1 << 61
	pageGuard     = 1 << 58
	pageUffdWP    = 1 << 57
	pageExclusive = 1 << 56
	pageSoftDirty = 1 << 55
	pageFrame     = 1<<55 - 1
)

// Present says that the page table maps a page.
func (p Page) Present() bool { return p&pagePresent != 0 }

// Swapped says that the page is in swap space. The kernel sets the bit for
// guard markers, too, which are not in memory either.
func (p Page) Swapped() bool { return p&pageSwapped != 0 && !p.Guard() }

// File says that the page belongs to a file or is shared anonymous memory. The
// zero page does not.
func (p Page) File() bool { return p&pageFile != 0 }

// Exclusive reports whether one process alone maps the page: never the zero page; a
// page of a file, mapped once, is exclusive, too.
func (p Page) Exclusive() bool { return p&pageExclusive != 0 }

// Guard says that a guard marker is there (since 6.15).
func (p Page) Guard() bool { return p&pageGuard != 0 }

// WriteProtected says that userfaultfd protects the page.
func (p Page) WriteProtected() bool { return p&pageUffdWP != 0 }

// Frame is the number of a present page's frame; 0 if it is hidden from us, as
// it is without CAP_SYS_ADMIN.
func (p Page) Frame() uint64 {
	if !p.Present() {
		return 0
	}
	return uint64(p & pageFrame)
}

// Pages returns the entries of the n pages from start on.
func (p *Process) Pages(start uint64, n int) ([]Page, error) {
	if p.lost != nil {
		return nil, p.lost
	}
	out := make([]Page, n)
	err := p.readPages(start, start+uint64(n)<<linux.PageShift, func(addr uint64, e Page) { out[(addr-start)>>linux.PageShift] = e })
	return out, err
}
