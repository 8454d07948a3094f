// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using Hikae.Harness.Labs;
using PuppeteerSharp;

namespace Hikae.Packages.Tests.Cockpit;

/// <summary>Hikae's page in a host's Cockpit, as an administrator has it in a browser.</summary>
internal sealed class CockpitConsole : IAsyncDisposable
{
    private const string User = "admin";
    private const string Password = "lab-only-4711";

    // Far beyond what is normal: other tests may have the processors.
    private const int Patience = 120_000;

    private readonly LanForwarder _forwarder;
    private readonly IPage _page;
    private readonly IFrame _frame;

    private CockpitConsole(LanForwarder forwarder, IPage page, IFrame frame)
    {
        _forwarder = forwarder;
        _page = page;
        _frame = frame;
    }

    /// <summary>Debian's Chromium. A browser of its own for each call.</summary>
    public static Task<IBrowser> StartBrowserAsync() => Puppeteer.LaunchAsync(new LaunchOptions
    {
        ExecutablePath = "/usr/bin/chromium",
        Headless = true,
        AcceptInsecureCerts = true,
        // Chromium's own sandbox does not work for root; it sees nothing here but the lab.
        Args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--ignore-certificate-errors"],
        DefaultViewport = new ViewPortOptions { Width = 1280, Height = 760 },
        Timeout = Patience,
    });

    /// <summary>What an administrator does once on a host.</summary>
    public static void SetUp(LabHost host, string package)
    {
        host.Run("dpkg", "-i", package);
        host.Shell($"id {User} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --groups sudo {User}; echo {User}:{Password} | chpasswd; systemctl start cockpit.socket");
    }

    /// <summary>Logs in, with administrative access, and opens the page.</summary>
    public static async Task<CockpitConsole> OpenAsync(IBrowser browser, Lab lab, LabHost host)
    {
        int number = 11 + (host.Name[^1] - 'A');
        var forwarder = new LanForwarder(lab, IPAddress.Parse($"127.0.0.{number}"), new IPEndPoint(IPAddress.Parse($"10.77.1.{number}"), 9090));
        IPage page = await browser.NewPageAsync();
        page.DefaultTimeout = Patience;
        await page.GoToAsync($"https://{forwarder.EndPoint}/hikae");
        await page.WaitForSelectorAsync("#login-user-input", new WaitForSelectorOptions { Visible = true });
        // What Cockpit remembers of an administrator who has turned it on once.
        await page.EvaluateExpressionAsync($"localStorage.setItem('superuser:{User}', 'any')");
        await page.TypeAsync("#login-user-input", User);
        await page.TypeAsync("#login-password-input", Password);
        await page.ClickAsync("#login-button");
        IElementHandle place = await OrTextAsync(page.MainFrame, page.WaitForSelectorAsync("iframe[name='cockpit1:localhost/hikae']"));
        return new CockpitConsole(forwarder, page, await place.ContentFrameAsync());
    }

    /// <summary>Waits until something is there and can be seen.</summary>
    /// <param name="selector">CSS, or XPath behind "xpath/".</param>
    public Task<IElementHandle> SeesAsync(string selector) =>
        OrTextAsync(_frame, _frame.WaitForSelectorAsync(selector, new WaitForSelectorOptions { Visible = true, Timeout = Patience }));

    /// <summary>Waits until a curve of a plot has that many points. One that is level has no height, and cannot be "seen".</summary>
    public Task SeesCurveAsync(string plot, int points) => _frame.WaitForFunctionAsync(
        "(plot, points) => [...document.querySelectorAll('svg')].some(svg => svg.getAttribute('aria-label') === plot && svg.firstChild.points.numberOfItems >= points)",
        new WaitForFunctionOptions { Timeout = Patience },
        plot,
        points);

    /// <summary>Waits until a guest's row says so.</summary>
    public Task SeesGuestAsync(string guest, string role, string state) =>
        SeesAsync($"tbody[data-guest='{guest}'][data-role='{role}'][data-state='{state}']");

    /// <summary>Presses a button, by the words on it, in whatever is around it.</summary>
    public async Task PressAsync(string around, string words) =>
        await (await SeesAsync($"xpath///{around}//button[normalize-space(.)='{words}']")).ClickAsync();

    /// <summary>Waits until no dialogue is open.</summary>
    public Task SeesNoDialogAsync() => _frame.WaitForFunctionAsync("() => document.querySelector('dialog') === null", new WaitForFunctionOptions { Timeout = Patience });

    /// <summary>Writes into a field.</summary>
    public async Task TypeAsync(string selector, string words) => await (await SeesAsync(selector)).TypeAsync(words);

    /// <summary>What the page says.</summary>
    public Task<string> TextAsync() => _frame.EvaluateExpressionAsync<string>("document.body.innerText");

    /// <summary>The picture for the documents, where HIKAE_SCREENSHOTS names a folder.</summary>
    public async Task PhotographAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("HIKAE_SCREENSHOTS") is string folder)
        {
            await SeesCurveAsync("Memory on the backup", 15);
            await _page.ScreenshotAsync(Path.Combine(folder, name + ".png"));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _page.DisposeAsync();
        _forwarder.Dispose();
    }

    /// <summary>What was waited for, or an exception with what the page says instead.</summary>
    private static async Task<IElementHandle> OrTextAsync(IFrame frame, Task<IElementHandle> waited)
    {
        try
        {
            return await waited;
        }
        catch (WaitTaskTimeoutException e)
        {
            throw new LabException($"{e.Message}\n{frame.Url} says:\n{await frame.EvaluateExpressionAsync<string>("document.body.innerText")}");
        }
    }
}
