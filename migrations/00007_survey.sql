-- +goose Up
-- compatible: yes
-- Surveys: what is asked, and what is left of the answers once they are deleted. An answer itself is a submission.

CREATE TABLE survey (
  id uuid PRIMARY KEY,
  slug text NOT NULL UNIQUE,
  title text NOT NULL,
  summary text NOT NULL,
  body text NOT NULL DEFAULT '',
  anonymous bool NOT NULL,
  offer_consent bool NOT NULL DEFAULT false,
  closes_at timestamptz,
  results_through timestamptz,
  results_public bool NOT NULL DEFAULT false,
  results jsonb,
  state text NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'published', 'withdrawn')),
  publish_at timestamptz CHECK (publish_at IS NOT NULL OR state <> 'published'),
  version int NOT NULL DEFAULT 1,
  updated_at timestamptz NOT NULL DEFAULT now(),
  updated_by uuid REFERENCES account,
  CONSTRAINT survey_anonymous_consent CHECK (NOT (anonymous AND offer_consent)),
  CONSTRAINT survey_public_results CHECK (NOT results_public OR results IS NOT NULL)
);
COMMENT ON COLUMN survey.closes_at IS 'from then on the form is closed; NULL: open until staff close it';
COMMENT ON COLUMN survey.results_through IS
  'anonymous surveys: the last day whose answers count in results; it moves on by ten answers or more at a time';
COMMENT ON COLUMN survey.results IS 'the results as they were published: groups, never single answers';
CREATE TRIGGER survey_generation AFTER INSERT OR UPDATE OR DELETE ON survey
  FOR EACH STATEMENT EXECUTE FUNCTION bump_generation();

CREATE TABLE question (
  id uuid PRIMARY KEY,
  survey_id uuid NOT NULL REFERENCES survey ON DELETE CASCADE,
  position int NOT NULL,
  page text NOT NULL,
  name text NOT NULL,
  label text NOT NULL,
  hint text NOT NULL DEFAULT '',
  kind text NOT NULL CHECK (kind IN ('single', 'several', 'scale', 'nps', 'text')),
  required bool NOT NULL,
  why text NOT NULL CHECK (why <> ''),
  options jsonb NOT NULL DEFAULT '[]',
  most int NOT NULL DEFAULT 0,
  low int NOT NULL DEFAULT 0,
  high int NOT NULL DEFAULT 0,
  low_label text NOT NULL DEFAULT '',
  high_label text NOT NULL DEFAULT '',
  UNIQUE (survey_id, name),
  CHECK (kind <> 'scale' OR high - low BETWEEN 1 AND 9)
);
COMMENT ON COLUMN question.name IS 'never given to another question of the survey, since answers are kept under it';
COMMENT ON COLUMN question.options IS 'of single and several: [{"value", "label"}]; the value follows the label';
COMMENT ON COLUMN question.most IS 'of text: characters at most';
CREATE TRIGGER question_generation AFTER INSERT OR UPDATE OR DELETE ON question
  FOR EACH STATEMENT EXECUTE FUNCTION bump_generation();

-- What is left of answers that are deleted: how many said what. The name '' counts answers as a whole, the value ''
-- those who answered the question.
CREATE TABLE survey_count (
  survey_id uuid NOT NULL REFERENCES survey ON DELETE CASCADE,
  name text NOT NULL,
  value text NOT NULL,
  n int NOT NULL,
  PRIMARY KEY (survey_id, name, value)
);

-- Answers that survey_count holds already, while they wait for their deletion.
CREATE TABLE survey_counted (
  submission_id uuid PRIMARY KEY REFERENCES submission ON DELETE CASCADE
);

-- Days whose anonymous answers were rewritten in random order.
CREATE TABLE survey_mixed (
  day date PRIMARY KEY
);

GRANT SELECT, INSERT, UPDATE, DELETE ON survey, question, survey_count TO site_serve;
GRANT SELECT, INSERT, DELETE ON survey_counted, survey_mixed TO site_serve;

-- +goose Down
DROP TABLE survey_mixed, survey_counted, survey_count, question, survey;
