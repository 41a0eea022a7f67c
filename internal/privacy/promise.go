package privacy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"clickcommerce.com/site/internal/page"
)

// The promises are P-1 to P-18, to which the source committed, and, which are our own.
const (
	mainPromises = 18
	ownPromises  = 9
)

// promiseIDs lists the ids of all promises in order.
func promiseIDs() []string {
	var ids []string
	for i := range mainPromises {
		ids = append(ids, fmt.Sprintf("P-%d", i+1))
	}
	for i := range ownPromises {
		ids = append(ids, fmt.Sprintf("A-%d", i+1))
	}
	return ids
}

// Promise is a commitment of the statement. A program can tell whether a rule works, never whether people kept their
// word: so it is said of each what a machine checks and what people must do.
type Promise struct {
	ID     string   `yaml:"id"`
	Words  string   `yaml:"words"`
	Keeps  string   `yaml:"keeps"`  // the rule that a machine checks
	People string   `yaml:"people"` // what no machine can do
	Seen   []Link   `yaml:"seen"`   // where one sees it
	Checks []Result `yaml:"-"`
}

// Link leads to where something can be seen.
type Link struct {
	Label string `yaml:"label"`
	Path  string `yaml:"path"`
}

// State sums up the checks: failed, unasked, passed, or empty where none runs.
func (p Promise) State() string {
	switch {
	case len(p.Checks) == 0:
		return ""
	case slices.ContainsFunc(p.Checks, func(c Result) bool { return !c.OK && !c.Unasked }):
		return "failed"
	case slices.ContainsFunc(p.Checks, func(c Result) bool { return c.Unasked }):
		return "unasked"
	}
	return "passed"
}

// readPromises reads content/promises.yaml, which must hold all promises in order.
func readPromises(web fs.FS) ([]Promise, error) {
	raw, err := fs.ReadFile(web, "content/promises.yaml")
	if err != nil {
		return nil, fmt.Errorf("promises.yaml: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var list []Promise
	if err := dec.Decode(&list); err != nil {
		return nil, fmt.Errorf("promises.yaml: %w", err)
	}
	ids := make([]string, len(list))
	for i, p := range list {
		ids[i] = p.ID
		if p.Words == "" || p.Keeps == "" || p.People == "" || len(p.Seen) == 0 {
			return nil, fmt.Errorf("promises.yaml: %s lacks words, keeps, people or seen", p.ID)
		}
	}
	if !slices.Equal(ids, promiseIDs()) {
		return nil, fmt.Errorf("promises.yaml: has %v", ids)
	}
	return list, nil
}

// Proof is what came of taking every rule out of a copy.
type Proof struct {
	At      time.Time `db:"at"`
	Removed int       `db:"removed"`
	Noticed int       `db:"noticed"`
}

// RecordProof keeps what came of a proof; the page of promises shows the last one.
func (r *Room) RecordProof(ctx context.Context, p Proof) error {
	if _, err := r.desk.Pool.Exec(ctx, `INSERT INTO proof (at, removed, noticed) VALUES ($1, $2, $3)`,
		p.At, p.Removed, p.Noticed); err != nil {
		return fmt.Errorf("record proof: %w", err)
	}
	return nil
}

// provedFor is how long a proof counts as new.
const provedFor = 7 * 24 * time.Hour

// ProofDue tells whether the last proof is a week old, or there was none.
func (r *Room) ProofDue(ctx context.Context) (due bool, err error) {
	if err := r.desk.Pool.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM proof WHERE at > $1)`,
		r.desk.Now().Add(-provedFor)).Scan(&due); err != nil {
		return false, fmt.Errorf("read proof: %w", err)
	}
	return due, nil
}

// lastProof returns the last proof, nil if there was none.
func (r *Room) lastProof(ctx context.Context) (*Proof, error) {
	rows, err := r.desk.Pool.Query(ctx, `SELECT at, removed, noticed FROM proof ORDER BY id DESC LIMIT 1`)
	if err != nil {
		return nil, fmt.Errorf("read proof: %w", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToAddrOfStructByName[Proof])
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // none is an ordinary answer
	}
	if err != nil {
		return nil, fmt.Errorf("read proof: %w", err)
	}
	return p, nil
}

const promisesTitle = "Our promises, tested"

type promisesPage struct {
	page.Base
	Main, Own []Promise
	Checked   time.Time
	Passed    int
	Ran       int
	Proof     *Proof
}

func (r *Room) showPromises(w http.ResponseWriter, req *http.Request) error {
	results, at, err := r.checker.results(req.Context())
	if err != nil {
		return err
	}
	proof, err := r.lastProof(req.Context())
	if err != nil {
		return err
	}
	data := promisesPage{
		Base: page.Base{
			Title:       promisesTitle,
			Description: r.say("promises_about"),
			Section:     "privacy", Crumbs: crumbs("Promises"),
		},
		Checked: at, Proof: proof,
	}
	for _, result := range results {
		if result.OK {
			data.Passed++
		}
		if !result.Unasked {
			data.Ran++
		}
	}
	for _, p := range r.withChecks(results) {
		if strings.HasPrefix(p.ID, "P-") {
			data.Main = append(data.Main, p)
		} else {
			data.Own = append(data.Own, p)
		}
	}
	return r.views.promises.Write(w, req, http.StatusOK, data)
}

// withChecks are the promises with the results of their checks.
func (r *Room) withChecks(results []Result) []Promise {
	list := slices.Clone(r.promises)
	for i := range list {
		for _, result := range results {
			if result.Promise == list[i].ID {
				list[i].Checks = append(list[i].Checks, result)
			}
		}
	}
	return list
}
