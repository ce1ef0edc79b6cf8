/** What is used of ioredis, as one bundle beside the functions: only who keeps the state in Redis wakes with it. */
export { Redis } from "ioredis";
