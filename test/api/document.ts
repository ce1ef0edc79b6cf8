/** The examples of an OpenAPI document, each as the request it makes and the answer it promises, read from the document alone. */
import { Ajv2020 } from "ajv/dist/2020.js";

export type Example = {
  name: string;
  path: string;
  query: string;
  body: unknown;
  status: number;
  answer: unknown;
};

export type Operation = { operationId: string; method: string; path: string; operation: any; examples: Example[] };

/** In the document's order. */
export const operationsOf = (document: any): Operation[] =>
  Object.entries(document.paths as Record<string, Record<string, any>>).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      operationId: operation.operationId,
      method,
      path,
      operation,
      examples: examplesOf(path, operation),
    })),
  );

function examplesOf(path: string, { parameters, requestBody, responses }: any): Example[] {
  return Object.entries(responses as Record<string, any>).flatMap(([status, response]) =>
    Object.entries<any>(mediaOf(response)?.examples ?? {}).map(([name, { value: answer }]) => {
      const valueOf = (one: any): unknown => one?.examples?.[name]?.value;
      const given = (kind: string) =>
        parameters.filter((one: any) => one.in === kind && valueOf(one) !== undefined) as { name: string }[];
      const query = given("query").map((one) => [one.name, String(valueOf(one))]);
      return {
        name,
        path: given("path").reduce((url, one) => url.replace(`{${one.name}}`, String(valueOf(one))), path),
        query: query.length === 0 ? "" : `?${new URLSearchParams(query).toString()}`,
        body: valueOf(mediaOf(requestBody)),
        status: Number(status),
        answer,
      };
    }),
  );
}

const mediaOf = (part: any): any => Object.values(part?.content ?? {})[0];

/** What is wrong with a body, or nothing. */
export function isRequest(document: any, operation: any, body: unknown): string {
  if (body === undefined) return operation.requestBody?.required === true ? "a body is required" : "";
  return problems(document, mediaOf(operation.requestBody).schema, body);
}

/** What is wrong with an answer of this status, or nothing. */
export function isAnswer(document: any, operation: any, status: number, answer: unknown): string {
  const response = operation.responses[status];
  if (response === undefined) return `no answer ${status} is declared`;
  const own = "$ref" in response ? document.components.responses[response.$ref.split("/").at(-1)] : response;
  return problems(document, mediaOf(own).schema, answer);
}

const formats = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  uri: /^[a-z]+:/,
};
const ajv = new Ajv2020({ strictTypes: false, allErrors: true, formats, keywords: ["components"] });

/** What is wrong with a value, or nothing. */
export function problems({ components }: any, schema: object, value: unknown): string {
  const validate = ajv.compile({ ...schema, components } as object);
  return validate(value) ? "" : ajv.errorsText(validate.errors);
}
