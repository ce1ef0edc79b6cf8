/** What the platform itself reads from the environment. */
export type PlatformConfig = {
  home: string;
  /** First of three; 0 takes any. */
  port: number;
  gpuCards: number;
};

/** Throws an error that says what would be right. */
export function platformConfig(env: Record<string, string | undefined>): PlatformConfig {
  const { LOSSI_HOME: home = ".lossi", LOSSI_PORT: port = "7600", LOSSI_GPU_CARDS: cards = "0" } = env;
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_516)
    throw new Error(`LOSSI_PORT is ${port}; expected a port up to 65516`);
  if (!/^\d{1,3}$/.test(cards)) throw new Error(`LOSSI_GPU_CARDS is ${cards}; expected a number of cards`);
  return { home, port: Number(port), gpuCards: Number(cards) };
}
