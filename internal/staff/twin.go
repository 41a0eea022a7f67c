package staff

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/submission"
)

// twinView is one of several open requests in which a person wishes the same.
type twinView struct {
	Path, Reference string
	Oldest, Current bool
}

// twins returns, by record, the open requests that wish the same as it, the oldest first.
func (ws *Workspace) twins(ctx context.Context, records []submission.Record) (map[uuid.UUID][]submission.Twin, error) {
	people := map[string][]uuid.UUID{}
	for _, rec := range records {
		if a, _ := ws.desk.Activities().Find(rec.Kind); a.Same != "" && rec.PersonID.Valid {
			people[rec.Kind] = append(people[rec.Kind], rec.PersonID.UUID)
		}
	}
	found := map[uuid.UUID][]submission.Twin{}
	for kind, list := range people {
		a, _ := ws.desk.Activities().Find(kind)
		twins, err := ws.desk.Store.Twins(ctx, wish(a), list)
		if err != nil {
			return nil, err
		}
		groups := map[uuid.UUID][]submission.Twin{}
		for _, t := range twins {
			groups[t.First] = append(groups[t.First], t)
		}
		for _, t := range twins {
			found[t.ID] = groups[t.First]
		}
	}
	return found, nil
}

// sameWords tells in a line of the queue what else is asked for the same.
func sameWords(id uuid.UUID, twins []submission.Twin) string {
	switch n := len(twins) - 1; {
	case n < 1:
		return ""
	case twins[0].ID != id:
		return "asked again, see " + twins[0].Reference
	case n == 1:
		return "asked once more"
	default:
		return fmt.Sprintf("asked %d times more", n)
	}
}

func twinViews(id uuid.UUID, twins []submission.Twin, q query) []twinView {
	list := make([]twinView, 0, len(twins))
	for i, t := range twins {
		list = append(list, twinView{q.at(submission.RecordPath(t.ID)), t.Reference, i == 0, t.ID == id})
	}
	return list
}
