package main

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"github.com/pquerna/otp/totp"

	"clickcommerce.com/site/internal/account"
)

func runDemo(ctx context.Context, c *cli) error {
	return withApp(ctx, c, func(a *app) error {
		if err := a.loadDemo(ctx); err != nil {
			return err
		}
		return errors.Join(a.tellStaff(), a.tellCustomer(ctx))
	})
}

// loadDemo loads what each room brings of its own, staff for every role, and a season's submissions. It may run again.
func (a *app) loadDemo(ctx context.Context) error {
	for _, load := range a.rooms.demo {
		if err := load(ctx, a.web); err != nil {
			return err
		}
	}
	if err := a.demoVisits(ctx); err != nil {
		return err
	}
	staff, err := a.demoStaff(ctx)
	if err != nil {
		return fmt.Errorf("example staff: %w", err)
	}
	if err := a.demoSubmissions(ctx, staff); err != nil {
		return fmt.Errorf("example submissions: %w", err)
	}
	if _, err := a.retainer.Run(ctx); err != nil { // as the nights of the season would have
		return fmt.Errorf("delete what of the example is past its date: %w", err)
	}
	return nil
}

// demoStaff makes one member of staff for each role, ready to sign in.
func (a *app) demoStaff(ctx context.Context) (map[account.Role]account.Account, error) {
	staff := map[account.Role]account.Account{}
	for _, role := range account.Roles() {
		email := string(role) + "@example.com"
		who, err := a.accounts.Find(ctx, email)
		if errors.Is(err, account.ErrNotFound) {
			who, err = a.accounts.Create(ctx, account.Hire{
				Email: email, Name: role.Label(), Roles: []account.Role{role}, Password: a.demoPassword(),
			})
		}
		if err != nil {
			return nil, err
		}
		staff[role] = who
		if who.HasTOTP {
			continue
		}
		code, err := totp.GenerateCode(a.demoSecret(), a.now())
		if err != nil {
			return nil, err
		}
		if _, err := a.accounts.Enrol(ctx, who, a.demoSecret(), code); err != nil {
			return nil, err
		}
	}
	return staff, nil
}

// demoPassword and demoSecret come from the keys of the installation: the same at every run, known to nobody else.
func (a *app) demoPassword() string {
	text := strings.ToLower(base32.StdEncoding.EncodeToString(a.ring.Digest("demo password")))
	return text[:5] + "-" + text[5:10] + "-" + text[10:15]
}

func (a *app) demoSecret() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(a.ring.Digest("demo totp")[:20])
}

func (a *app) tellStaff() error {
	code, err := totp.GenerateCode(a.demoSecret(), a.now())
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, `The example content is loaded.

Staff sign in at %s/staff/sign-in
  as        %s
  password  %s
  code      %s  (good for half a minute; bin/site demo prints the next, or give an authenticator %s)

`, a.cfg.PublicURL, joinRoles(), a.demoPassword(), code, a.demoSecret())
	return nil
}

// demoCustomer is the one of people.yaml that has an account at Clickconnect.
const demoCustomer = "customer@example.com"

// tellCustomer tells of the account at Clickconnect, which only an example has that was loaded into an empty workspace.
func (a *app) tellCustomer(ctx context.Context) error {
	switch c, err := a.accounts.Find(ctx, demoCustomer); {
	case errors.Is(err, account.ErrNotFound) || err == nil && !c.Active(a.now()):
		return nil
	case err != nil:
		return err
	}
	fmt.Fprintf(a.stdout, `A customer signs in at %s/connect/sign-in
  as        %s
  password  %s

`, a.cfg.PublicURL, demoCustomer, a.demoPassword())
	return nil
}

func joinRoles() string {
	var names []string
	for _, r := range account.Roles() {
		names = append(names, string(r)+"@example.com")
	}
	return strings.Join(names, ", ")
}
