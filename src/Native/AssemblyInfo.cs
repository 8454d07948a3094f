// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.CompilerServices;

// What crosses into C has exactly the layout its signature says; anything else is refused by the compiler.
[assembly: DisableRuntimeMarshalling]
