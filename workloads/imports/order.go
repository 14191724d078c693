package imports

// place is where a task stands in the order of the calls.
type place struct{ index int }

func (p *place) init(index int) { p.index = index }

func (p *place) inherit(*place) {}

func (im *importer) begins(*task) {}

func (im *importer) ends(*task) {}

func (im *importer) ordered(*task) {}
