// SPDX-License-Identifier: LGPL-2.1-or-later
using CsCheck;
using Xunit;

namespace Hikae.Protocol.Tests;

/// <summary>Random input that is the same in every run: CsCheck's own Sample fixes only the first of its inputs.</summary>
internal static class FixedSeed
{
    private const uint Stream = 17;
    private const ulong Seed = 0x48494B4145; // "HIKAE"

    /// <summary>The first <paramref name="count"/> values of a generator. On a failure the test's output says after which one.</summary>
    public static void Each<T>(Gen<T> generator, int count, Action<T> check)
    {
        var random = new PCG(Stream, Seed);
        TestContext.Current.TestOutputHelper?.WriteLine($"stream {Stream}, seed 0x{Seed:x}, {count} inputs");
        for (int i = 0; i < count; i++)
        {
            T value = generator.Generate(random, null, out _);
            try
            {
                check(value);
            }
            catch (Exception)
            {
                TestContext.Current.TestOutputHelper?.WriteLine($"input {i}: {Check.Print(value)}");
                throw;
            }
        }
    }
}
