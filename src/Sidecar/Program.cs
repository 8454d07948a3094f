// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar;

internal static class Program
{
    private static int Main() => 0;
}
