package postgres_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"clickcommerce.com/site/internal/postgres"
	"clickcommerce.com/site/internal/postgres/pgtest"
)

var update = flag.Bool("update", false, "write the list of rules")

// TestRules keeps the list of the rules that the steps leave, and takes rules away and puts others up.
func TestRules(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	if *update {
		rules, err := postgres.RulesOf(t.Context(), pool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("../../migrations/rules.txt", []byte(strings.Join(rules, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return // what is compiled in is still the list before
	}
	if err := postgres.CheckRules(t.Context(), pool); err != nil {
		t.Fatalf("%v\nafter a new step: go test ./internal/postgres -run TestRules -update", err)
	}
	owner := pgtest.Admin(t, pool)
	for _, c := range []struct{ sql, back, fault string }{
		{`ALTER TABLE message DISABLE TRIGGER message_gate`, `ALTER TABLE message ENABLE TRIGGER message_gate`, "missing: message: trigger message_gate"},
		{`ALTER TABLE message ENABLE REPLICA TRIGGER message_gate`, `ALTER TABLE message ENABLE TRIGGER message_gate`, "not of this program: message: trigger message_gate"},
		{`ALTER TABLE device DROP CONSTRAINT device_short`, `ALTER TABLE device ADD CONSTRAINT device_short CHECK (true)`, "missing: device: constraint device_short"},
		{`ALTER TABLE device ADD CONSTRAINT other CHECK (true) NOT VALID`, `ALTER TABLE device DROP CONSTRAINT other`, "not of this program: device: constraint other"},
		{`ALTER TABLE submission ALTER purge_after DROP NOT NULL`, `ALTER TABLE submission ALTER purge_after SET NOT NULL`, "missing: submission: purge_after is never null"},
		{`GRANT DELETE ON audit_event TO site_serve`, `REVOKE DELETE ON audit_event FROM site_serve`, "not of this program: audit_event: site_serve has delete"},
		{`GRANT SELECT ON person TO PUBLIC`, `REVOKE SELECT ON person FROM PUBLIC`, "not of this program: person: everybody has select"},
		{`GRANT UPDATE (email) ON person TO site_marketing`, `REVOKE UPDATE (email) ON person FROM site_marketing`, "person: site_marketing has update of email"},
		{`REVOKE USAGE ON SCHEMA public FROM site_marketing`, `GRANT USAGE ON SCHEMA public TO site_marketing`, "missing: schema public: site_marketing has usage"},
		{`GRANT CREATE ON SCHEMA public TO site_serve`, `REVOKE CREATE ON SCHEMA public FROM site_serve`, "not of this program: schema public: site_serve has create"},
		{`CREATE RULE quiet AS ON INSERT TO audit_event DO INSTEAD NOTHING`, `DROP RULE quiet ON audit_event`, "audit_event: rewritten by quiet"},
		{`ALTER FUNCTION consent_event_chain() SECURITY INVOKER`, `ALTER FUNCTION consent_event_chain() SECURITY DEFINER`, "missing: consent_event_chain()"},
		{`CREATE TABLE another (id int PRIMARY KEY); GRANT ALL ON another TO PUBLIC`, `DROP TABLE another`, ""},
	} {
		exec(t, owner, c.sql)
		switch err := postgres.CheckRules(t.Context(), pool); {
		case c.fault == "" && err != nil:
			t.Errorf("%s: %v", c.sql, err)
		case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
			t.Errorf("%s: got %v, want %s", c.sql, err, c.fault)
		}
		exec(t, owner, c.back)
		if err := postgres.CheckRules(t.Context(), pool); err != nil {
			t.Fatalf("%s: %v", c.back, err)
		}
	}
}
