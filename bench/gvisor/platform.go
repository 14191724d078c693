package gvisor

import (
	"fmt"
	"os"

	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/hostarch"
	"gvisor.dev/gvisor/pkg/memutil"
	"gvisor.dev/gvisor/pkg/sentry/kernel/auth"
	"gvisor.dev/gvisor/pkg/sentry/limits"
	"gvisor.dev/gvisor/pkg/sentry/memmap"
	"gvisor.dev/gvisor/pkg/sentry/pgalloc"
	"gvisor.dev/gvisor/pkg/sentry/platform"
)

// noPlatform is a platform.Platform that runs nothing: its address spaces accept every mapping and forget it. Of a fault
// MemoryManager's part alone is measured then, without the host's page tables.
type noPlatform struct {
	platform.NoCPUPreemptionDetection
	platform.NoCPUNumbers
}

const (
	minAddress = hostarch.Addr(1 << 16)
	maxAddress = hostarch.Addr(1<<47 - hostarch.PageSize)
)

func (noPlatform) SupportsAddressSpaceIO() bool                    { return false }
func (noPlatform) HaveGlobalMemoryBarrier() bool                   { return false }
func (noPlatform) GlobalMemoryBarrier() error                      { panic("gvisor peer: no memory barrier") }
func (noPlatform) MapUnit() uint64                                 { return 0 }
func (noPlatform) MinUserAddress() hostarch.Addr                   { return minAddress }
func (noPlatform) MaxUserAddress() hostarch.Addr                   { return maxAddress }
func (noPlatform) NewAddressSpace() (platform.AddressSpace, error) { return noAddressSpace{}, nil }
func (noPlatform) NewContext(context.Context) platform.Context {
	panic("gvisor peer: nothing runs here")
}
func (noPlatform) SeccompInfo() platform.SeccompInfo { return platform.StaticSeccompInfo{} }
func (noPlatform) ConcurrencyCount() int             { return 1 }

type noAddressSpace struct{ platform.NoAddressSpaceIO }

func (noAddressSpace) MapFile(hostarch.Addr, memmap.File, memmap.FileRange, hostarch.AccessType, bool) error {
	return nil
}
func (noAddressSpace) Unmap(hostarch.Addr, uint64) {}
func (noAddressSpace) Release()                    {}
func (noAddressSpace) PreFork()                    {}
func (noAddressSpace) PostFork()                   {}

// noTask is the context of a task: it answers the values that MemoryManager asks for.
type noTask struct {
	context.Context
	file        *pgalloc.MemoryFile
	limits      *limits.LimitSet
	credentials *auth.Credentials
}

func newTask(file *pgalloc.MemoryFile) *noTask {
	return &noTask{
		Context:     context.Background(),
		file:        file,
		limits:      limits.NewLimitSet(),
		credentials: auth.NewAnonymousCredentials(),
	}
}

func (t *noTask) Value(key any) any {
	switch key {
	case pgalloc.CtxMemoryFile:
		return t.file
	case limits.CtxLimits:
		return t.limits
	case auth.CtxCredentials:
		return t.credentials
	}
	return nil
}

// newMemoryFile returns the memory that gVisor backs pages with, in a memfd.
func newMemoryFile() (*pgalloc.MemoryFile, error) {
	fd, err := memutil.CreateMemFD("vmasim-gvisor", 0)
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	file, err := pgalloc.NewMemoryFile(os.NewFile(uintptr(fd), "vmasim-gvisor"), pgalloc.MemoryFileOpts{
		DelayedEviction:         pgalloc.DelayedEvictionDisabled,
		DisableIMAWorkAround:    true,
		DisableMemoryAccounting: true,
	})
	if err != nil {
		return nil, fmt.Errorf("memory file: %w", err)
	}
	return file, nil
}
