/** What a function may ask of the place it runs in. */
export interface Cluster {
  /** Turns the schedule on, or changes when it beats. `cron` has six fields, seconds first, in UTC. */
  startSchedule(cron: string): Promise<void>;
  /** Turns it off; one that is off stays so. */
  stopSchedule(): Promise<void>;
}
