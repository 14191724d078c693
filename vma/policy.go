package vma

import (
	"unsafe"

	"vmasim/internal/ksync"
	"vmasim/internal/task"
)

// Policy says on which node of memory the pages of VMAs are to lie: mempolicy. Several VMAs may refer to it. A fault that has the VMA
// stable uses it without a reference of its own.
type Policy struct {
	ksync.Life
	refs ksync.AtomicRef
	node ksync.Plain[uint8]
}

// policyLayout declares the shared cells of a policy.
var policyLayout = task.Layout{
	Type: "mempolicy",
	Size: unsafe.Sizeof(Policy{}),
	Fields: []task.Field{
		{Name: "refcnt", Offset: unsafe.Offsetof(Policy{}.refs), Size: unsafe.Sizeof(ksync.AtomicRef{}), Read: atomicRule, Write: atomicRule,
			Doc: "the VMAs that refer to it"},
		{Name: "nodes", Offset: unsafe.Offsetof(Policy{}.node), Size: 1, Read: atomicRule, Write: onceRule,
			Doc: "where pages are to lie; set before a VMA refers to it"},
	},
}

// PolicyLayout returns the declaration of a policy's cells. The caller must not change it.
func PolicyLayout() *task.Layout { return &policyLayout }

func newPolicyCache() *ksync.Slab[Policy, *Policy] {
	return ksync.NewSlab[Policy, *Policy](ksync.SlabConfig[Policy]{Name: "numa_policy", Layout: &policyLayout})
}

// NewPolicy returns a policy that no VMA refers to, with one reference, the caller's: mpol_new. It fails with ENOMEM.
func (c *Cache) NewPolicy(t *task.Task, node uint8) (*Policy, error) {
	p, err := c.policies.Alloc(t)
	if err != nil {
		return nil, err
	}
	p.node.Init(node)
	p.refs.Init(1)
	return p, nil
}

// Node returns where pages are to lie.
func (p *Policy) Node(t *task.Task) uint8 { return p.node.Read(t) }

// Policy returns the VMA's policy, nil for none: the node of the task then. It may go with the next change of the VMA.
func (v *VMA) Policy(t *task.Task) *Policy { return v.policy.ReadOnce(t) }

// PolicyPeek returns the policy without announcing, for checks.
func (v *VMA) PolicyPeek() *Policy { return v.policy.Peek() }

// ReplacePolicy gives the VMA another policy, with the caller's reference, and drops the one it had: vma_replace_policy. The caller holds
// mmap_lock for writing, and has the VMA write-locked.
func (c *Cache) ReplacePolicy(t *task.Task, v *VMA, p *Policy) {
	old := v.policy.ReadOnce(t)
	v.policy.WriteOnce(t, p)
	c.PutPolicy(t, old)
}

// PutPolicy drops a reference on a policy, if there is one, and frees the policy with the last: mpol_put.
func (c *Cache) PutPolicy(t *task.Task, p *Policy) {
	if p != nil && p.refs.DecAndTest(t) == 0 {
		c.policies.Free(t, p)
	}
}

// Policies returns how many policies there are.
func (c *Cache) Policies() int { return c.policies.InUse() }

// dupPolicy lets a copy have the policy of v, which the caller keeps from changing: vma_dup_policy.
func (v *VMA) dupPolicy(t *task.Task, to *VMA) {
	if p := v.policy.Peek(); p != nil {
		p.refs.Inc(t)
		to.policy.WriteOnce(t, p)
	}
}

// dropPolicy takes the policy of a VMA that is being freed.
func (c *Cache) dropPolicy(t *task.Task, v *VMA) {
	if p := v.policy.Peek(); p != nil {
		v.policy.WriteOnce(t, nil)
		c.PutPolicy(t, p)
	}
}
