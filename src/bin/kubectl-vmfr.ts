#!/usr/bin/env node
import { runKubectlProgram } from "../cli/kubectl/program.ts";
import { processContext } from "../cli/process-context.ts";

process.exitCode = await runKubectlProgram(process.argv.slice(2), processContext("kubectl vmfr"));
