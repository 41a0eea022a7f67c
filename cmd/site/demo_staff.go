package main

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"clickcommerce.com/site/internal/account"
	"clickcommerce.com/site/internal/activity"
	"clickcommerce.com/site/internal/clock"
	"clickcommerce.com/site/internal/mail"
	"clickcommerce.com/site/internal/submission"
)

// work is what staff did with a record since it came: the older, the further.
func (s *season) work(ctx context.Context, a activity.Activity, id uuid.UUID) error {
	age := s.now().Sub(s.clock)
	if age < 36*time.Hour || s.rand.IntN(8) == 0 {
		return nil // still waiting
	}
	by, ok := s.reviewer(a.Kind)
	if !ok {
		return nil
	}
	s.clock = s.clock.Add(time.Duration(3+s.rand.IntN(20)) * time.Hour)
	if err := s.store.Read(ctx, id, by); err != nil {
		return err
	}
	if err := s.store.Assign(ctx, []uuid.UUID{id}, by.ID, by); err != nil {
		return err
	}
	if s.rand.IntN(3) == 0 {
		if err := s.store.AddNote(ctx, id, by, "Called back; asks for an answer this week."); err != nil {
			return err
		}
	}
	return s.decide(ctx, a, id, by, age)
}

// decide takes up to three of the allowed steps.
func (s *season) decide(ctx context.Context, a activity.Activity, id uuid.UUID, by submission.Actor, age time.Duration) error {
	for range min(3, int(age/(10*24*time.Hour))) {
		r, err := s.store.Get(ctx, id)
		if err != nil {
			return err
		}
		status, _ := a.Status(r.Status)
		if len(status.Moves) == 0 {
			return nil
		}
		move := status.Moves[s.rand.IntN(len(status.Moves))]
		switch {
		case a.Kind == "access" && move.To == "approved":
			return nil // an approval makes an account: not for people who don't exist
		case a.Kind == "webinar":
			return nil // who was there is known afterwards
		}
		if err := s.step(ctx, a, r, move, by); err != nil {
			return err
		}
	}
	return nil
}

// step is taken a day or two later, with the letter that it brings where that is not long ago.
func (s *season) step(ctx context.Context, a activity.Activity, r submission.Record, move activity.Move, by submission.Actor) error {
	s.clock = s.clock.Add(time.Duration(20+s.rand.IntN(40)) * time.Hour)
	to, _ := a.Status(move.To)
	c := submission.Change{From: []string{r.Status}, To: move.To, By: by, Decides: to.Final, Moved: a.Moved}
	if to.Months > 0 {
		c.PurgeAfter = clock.AddMonths(s.clock, to.Months)
	}
	if len(move.Reasons) > 0 {
		c.Detail = map[string]string{"reason": move.Reasons[s.rand.IntN(len(move.Reasons))].Value}
	}
	if s.now().Sub(s.clock) < 30*24*time.Hour {
		c.Message = s.letter(a, r, move)
	}
	return s.store.Move(ctx, r.ID, c)
}

// letter is the mail of a step, nil where it brings none.
func (s *season) letter(a activity.Activity, r submission.Record, move activity.Move) *mail.Message {
	receipt := s.desk.ReceiptPath(r.ID)
	switch {
	case move.Letter:
		return &mail.Message{Template: "letter", Data: mail.Letter{
			Subject: move.Subject, Name: r.Name, Reference: r.Reference, Paragraphs: finished(move.Text), URL: receipt,
		}}
	case move.Ask:
		return &mail.Message{Template: "more", Data: mail.More{
			What: a.What, Reference: r.Reference, Question: "Who in your company looks after this, and how may we reach them?",
			URL: receipt + "/edit/" + s.desk.Grant(r, 14*24*time.Hour),
		}}
	}
	return nil
}

// finished leaves out the paragraphs that staff would have completed.
func finished(text string) []string {
	var paragraphs []string
	for _, p := range strings.Split(text, "\n\n") {
		if !strings.Contains(p, "…") {
			paragraphs = append(paragraphs, p)
		}
	}
	return append(paragraphs, "Write to us on your receipt if you want to know more.")
}

// reviewer is who acts on a kind.
func (s *season) reviewer(kind string) (submission.Actor, bool) {
	for _, role := range account.Roles() {
		if account.Can([]account.Role{role}, account.Act, kind) {
			return submission.Actor{ID: s.staff[role].ID, Role: string(role)}, true
		}
	}
	return submission.Actor{}, false
}
