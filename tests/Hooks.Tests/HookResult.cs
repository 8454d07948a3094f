// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks.Tests;

internal sealed record HookResult(int ExitCode, string Output, string Errors);
