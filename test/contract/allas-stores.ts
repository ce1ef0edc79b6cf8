/** Opens stores on a twin in any process: their writers take turns by documents in a folder. */
import { openSqliteState } from "#shared/state/sqlite.ts";
import { openS3Store } from "#shared/store/s3.ts";
import type { S3Options } from "#shared/store/s3.ts";
import type { Store } from "#shared/store/store.ts";
import { openSwiftStore } from "#shared/store/swift.ts";
import type { SwiftAccess } from "#shared/store/swift.ts";

export type S3Opening = { folder: string; s3: Omit<S3Options, "turns"> };
export type SwiftOpening = { folder: string; access: SwiftAccess };

const withTurns = async (
  folder: string,
  open: (turns: S3Options["turns"]) => Store | Promise<Store>,
): Promise<Store> => {
  const state = openSqliteState({ folder });
  const store = await open({ documents: state.documents, onCollision: () => {} });
  return { ...store, close: () => (store.close(), state.close()) };
};

export const openS3 = ({ folder, s3 }: S3Opening): Promise<Store> =>
  withTurns(folder, (turns) => openS3Store({ ...s3, turns }));

export const openSwift = ({ folder, access }: SwiftOpening): Promise<Store> =>
  withTurns(folder, (turns) => openSwiftStore({ access: async () => access, turns }));

/** Writes through Swift, reads through S3. */
export const openBoth = async (opening: S3Opening & SwiftOpening): Promise<Store> => {
  const [swift, s3] = await Promise.all([openSwift(opening), openS3(opening)]);
  const { put, delete: remove, createBucket } = swift;
  return { ...s3, put, delete: remove, createBucket, close: () => (swift.close(), s3.close()) };
};
