import type { Job } from "../api/types";
import { cancel, dismissFailure, failed, makeSound, working } from "../state/project";
import { IconButton } from "./controls";
import { Icon } from "./icons";

/** What each stage of the pipeline does, for people. */
const STAGES: Record<string, string> = {
  load: "Loading the model",
  probe: "Reading the clip",
  frames: "Looking at the frames",
  see: "Finding what happens",
  follow: "Following the motion",
  encode: "Understanding the scene",
  lips: "Watching mouths",
  speak: "Speaking",
  score: "Composing",
  sample: "Making sound",
  decode: "Turning it into a waveform",
  place: "Placing left and right",
  mix: "Mixing",
  mark: "Watermarking",
  write: "Writing files",
};

const KINDS: Record<Job["kind"], string> = { spot: "Looking at the clip", add: "New takes", redo: "Remaking" };

const stageName = (stage: string | null): string => (stage ? (STAGES[stage] ?? stage) : "Starting");

export function JobList() {
  const bad = failed.value;
  return (
    <div class="jobs" aria-live="polite">
      {bad && (
        <div class="job bad" role="alert" data-testid="job-error">
          <Icon name="warning" />
          <div class="job-text">
            <b>{bad.kind === "spot" ? "The picture could not be looked at" : "That did not work"}</b>
            <p>{bad.error?.message ?? "The server says no more. Look at its terminal."}</p>
            {bad.kind === "add" && (
              <button type="button" class="text-button" onClick={() => void makeSound()}>
                Try again
              </button>
            )}
          </div>
          <IconButton icon="close" label="Dismiss" onClick={() => dismissFailure(bad)} />
        </div>
      )}
      {working.value.map((job) => (
        <JobRow key={job.id} job={job} />
      ))}
    </div>
  );
}

function JobRow({ job }: { job: Job }) {
  const waits = job.state === "queued";
  const before = job.position ?? 0;
  const wait = before === 0 ? "Next in the queue" : `Waits behind ${before} ${before === 1 ? "job" : "jobs"}`;
  const share = Math.round(job.share * 100);
  return (
    <div class={`job ${waits ? "waits" : ""}`} data-testid="job" data-state={job.state}>
      <div class="job-text">
        <span class="job-head">
          <b>{KINDS[job.kind]}</b>
          <span class="dim">{waits ? wait : stageName(job.stage)}</span>
        </span>
        <div
          class="steps"
          role="progressbar"
          aria-label={waits ? wait : stageName(job.stage)}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={waits ? 0 : share}
        >
          {job.stages.slice(0, -1).map((stage) => (
            <i key={stage} class="done" title={stageName(stage)} />
          ))}
          <i class="now" style={{ "--share": `${waits ? 0 : share}%` }} />
        </div>
        {job.notes.map((note) => (
          <p key={note} class="hint">
            {note}
          </p>
        ))}
      </div>
      <IconButton icon="close" label="Cancel this job" onClick={() => void cancel(job)} data-testid="job-cancel" />
    </div>
  );
}
