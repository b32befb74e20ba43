import { Command, CommanderError } from "commander";
import { describeError } from "../errors.ts";
import type { CommandContext } from "./context.ts";
import { exitCodeOf } from "./exit-code.ts";
import { VERSION } from "./version.ts";

/** Every command's module exports functions of this shape; it is loaded only when the command is called. */
type Run<Arguments, Options> = (context: CommandContext, args: Arguments, options: Options) => Promise<number>;

/** Makes a commander action of a command that is loaded only when it is called. */
export type MakeAction = <Arguments, Options>(
  load: () => Promise<Run<Arguments, Options>>,
) => (...parameters: unknown[]) => Promise<void>;

export interface CommandLine {
  /** As people call it: `vmfr`. */
  readonly name: string;
  readonly description: string;
  addCommands(program: Command, action: MakeAction): void;
}

/**
 * Runs one command line and returns its exit code; never throws and never exits.
 * @param args what follows the program's name
 */
export async function runCommandLine(
  { name, description, addCommands }: CommandLine,
  args: readonly string[],
  context: CommandContext,
): Promise<number> {
  let exitCode = 0;
  const program = new Command(name)
    .description(description)
    .version(VERSION)
    .showHelpAfterError("(--help tells more)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    });
  /** Commander passes the arguments, then the options, then the command. */
  const action: MakeAction =
    <Arguments, Options>(load: () => Promise<Run<Arguments, Options>>) =>
    async (...parameters: unknown[]): Promise<void> => {
      const [first, second] = parameters;
      const hasArguments = parameters.length > 2;
      const run = await load();
      const given = (hasArguments ? first : undefined) as Arguments;
      exitCode = await run(context, given, (hasArguments ? second : first) as Options);
    };
  addCommands(program, action);
  try {
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    // Commander has already said what was wrong with the call, or printed the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    context.stderr.write(`${name}: ${describeError(error)}\n`);
    return exitCodeOf(error);
  }
}
