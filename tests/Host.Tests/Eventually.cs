// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Host.Tests;

/// <summary>Waits for what other threads and processes bring about. The deadline is for a test that fails; no test measures time.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public static async Task TrueAsync(Func<bool> condition, string what, Action? between = null)
    {
        using var limit = new CancellationTokenSource(Deadline);
        while (!condition())
        {
            Assert.False(limit.IsCancellationRequested, $"never happened: {what}");
            between?.Invoke();
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    public static async Task<T> WithinAsync<T>(Task<T> task) => await task.WaitAsync(Deadline, TestContext.Current.CancellationToken);
}
